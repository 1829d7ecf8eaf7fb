import { Action } from '../action/index.js';
import type { Host } from '../host/index.js';
import type { SshProcessOptions } from '../process/index.js';
import { AgentProcess } from './agent-process.js';
import type { Report } from './control.js';
import type { MurderAnswer, MurderOrder } from './murder-control.js';

/** What a host has told in a step. */
export interface StepResult extends MurderAnswer {
  readonly host: Host;
  readonly place: Place;
}

/** Where a host was reached, as it sees it itself: empty when it cannot tell. */
export interface Place {
  readonly address: string;
  /** With the port, by which two servers of one address are told apart. */
  readonly key: string;
}

/** Asks hosts for something, all at once; resolves with what those have told that did not fail. */
export type Ask = (hosts: readonly Host[], orderFor: OrderFor) => Promise<StepResult[]>;

/** What a host is asked for. Undefined: nothing but where it is. Text: why it is not asked; it is a failure of that host then. */
export type OrderFor = (host: Host, place: Place) => MurderOrder | string | undefined;

/** One step of a `Murder`: an action with one process for each time that a host is asked for something. */
export class MurderAction extends Action {
  readonly #options: SshProcessOptions;
  readonly #script: (ask: Ask) => Promise<void>;

  constructor(name: string, options: SshProcessOptions, script: (ask: Ask) => Promise<void>) {
    super(name, { name });
    this.#options = options;
    this.#script = script;
  }

  override get processes(): readonly AgentProcess[] {
    return this.ownProcesses as AgentProcess[];
  }

  protected override async execute(): Promise<void> {
    this.ownProcesses.length = 0;
    await this.#script((hosts, orderFor) => this.#ask(hosts, orderFor));
  }

  async #ask(hosts: readonly Host[], orderFor: OrderFor): Promise<StepResult[]> {
    if (this.stopReason !== undefined) return [];
    const results = await Promise.all(
      hosts.map(async (host): Promise<StepResult | undefined> => {
        let answer: MurderAnswer | undefined;
        let place: Place = { address: '', key: '' };
        const onReport = (report: Report, process: AgentProcess) => {
          if (report.type === 'answer') answer = report.answer;
          if (report.type !== 'hello') return;
          const [, , address = '', port = ''] = report.connection.split(' ');
          place = { address, key: `${address} ${port}` };
          const order = orderFor(host, place);
          if (typeof order === 'string') return process.giveUp('ERR_TRANSFER', order);
          if (order) return process.order(order);
          answer = {};
          process.order({ type: 'end' });
        };
        const on = { report: onReport, end: () => undefined };
        const process = this.adopt(
          new AgentProcess(host, ['murder', ...this.name.split(' ')], this.#options, on),
        );
        await process.run();
        return answer && process.ok ? { ...answer, host, place } : undefined;
      }),
    );
    return results.filter((result) => result !== undefined);
  }
}
