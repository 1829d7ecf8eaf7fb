import { readFileSync } from 'node:fs';
import { closeConnections, Remote, type HostSpec } from 'rookery';
import { time } from './support.js';

const hosts = JSON.parse(readFileSync(0, 'utf8')) as HostSpec[];
const run = async () => void (await new Remote('true', hosts).run()).orThrow();
const cold = await time(run);
const warm = await time(run);
console.log(JSON.stringify({ cold, warm }));
await closeConnections();
