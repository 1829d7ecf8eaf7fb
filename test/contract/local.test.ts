import { localSubject } from './subject.js';
import { suite } from './suite.js';

localSubject(suite);
