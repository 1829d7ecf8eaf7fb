import { remoteSubject } from './subject.js';
import { suite } from './suite.js';

remoteSubject('openssh', 'sshd', suite);
