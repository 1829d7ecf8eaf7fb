import { remoteSubject } from './subject.js';
import { suite } from './suite.js';

remoteSubject('ssh2', 'sshd', suite);
