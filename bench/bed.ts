// A testbed in a process of its own, so that what is measured is the controller alone. Prints its hosts; ends with its input.
import { Testbed } from 'rookery';

const [, , count, backend] = process.argv;
await using bed = await Testbed.start({
  hosts: Number(count),
  backend: backend === 'embedded' ? 'embedded' : 'sshd',
});
console.log(JSON.stringify(bed.hosts));
await new Promise((resolve) => process.stdin.once('end', resolve).resume());
