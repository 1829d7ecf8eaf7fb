import { defaults, type HostListItem } from '../host/index.js';
import type { Command } from '../process/index.js';
import { checkOptions, InvalidArgument, isOneOf, show, type Check } from '../util/index.js';
import { ChainPut } from './chain-put.js';
import { Get } from './get.js';
import type { RemoteOptions } from './options.js';
import { Put } from './put.js';
import { Remote } from './remote.js';
import { TaktukGet } from './taktuk/taktuk-get.js';
import { TaktukPut } from './taktuk/taktuk-put.js';
import { TaktukRemote } from './taktuk/taktuk-remote.js';
import type { TransferOptions } from './transfer-options.js';

/** Which tool is used for what. */
export interface ActionFactoryOptions {
  /** For all three. Default: `defaults.tool`, else `'ssh'`. */
  tool?: 'ssh' | 'taktuk';
  /** For commands: `Remote` or `TaktukRemote`. Default: `tool`. */
  remoteTool?: 'ssh' | 'taktuk';
  /** For files to hosts: `Put`, `TaktukPut` or `ChainPut`. Default: `tool`. */
  fileputTool?: 'ssh' | 'taktuk' | 'chain';
  /** For files from hosts: `Get` or `TaktukGet`. Default: `tool`. */
  filegetTool?: 'ssh' | 'taktuk';
}

const isTool = isOneOf('ssh', 'taktuk');
const checks: { readonly [K in keyof Required<ActionFactoryOptions>]: Check } = {
  tool: isTool,
  remoteTool: isTool,
  fileputTool: isOneOf('ssh', 'taktuk', 'chain'),
  filegetTool: isTool,
};

/**
 * Makes actions with the tool that is set, so that a script moves from SSH to TakTuk by one setting: `defaults.tool = 'taktuk'`, or the
 * option of the factory.
 *
 * @example
 * const factory = new ActionFactory({ tool: 'taktuk' });
 * await factory.getRemote('uptime', hosts).run();
 */
export class ActionFactory {
  readonly #options: Readonly<ActionFactoryOptions>;

  constructor(options: ActionFactoryOptions = {}) {
    checkOptions('new ActionFactory()', options, checks);
    this.#options = Object.freeze({ ...options });
  }

  /** One command on many hosts; see {@link Remote}. */
  getRemote(command: Command, hosts: HostListItem, options: RemoteOptions = {}): Remote | TaktukRemote {
    const taktuk = this.#toolFor('remoteTool') === 'taktuk';
    return taktuk ? new TaktukRemote(command, hosts, options) : new Remote(command, hosts, options);
  }

  /** Files to many hosts; see {@link Put}. */
  getFileput(
    hosts: HostListItem,
    localFiles: string | readonly string[],
    remoteLocation = '.',
    options: TransferOptions = {},
  ): Put | TaktukPut | ChainPut {
    const Kind = { ssh: Put, taktuk: TaktukPut, chain: ChainPut }[this.#toolFor('fileputTool')];
    return new Kind(hosts, localFiles, remoteLocation, options);
  }

  /** Files from many hosts; see {@link Get}. */
  getFileget(
    hosts: HostListItem,
    remoteFiles: string | readonly string[],
    localLocation = '.',
    options: TransferOptions = {},
  ): Get | TaktukGet {
    const taktuk = this.#toolFor('filegetTool') === 'taktuk';
    return new (taktuk ? TaktukGet : Get)(hosts, remoteFiles, localLocation, options);
  }

  #toolFor<K extends 'remoteTool' | 'fileputTool' | 'filegetTool'>(
    what: K,
  ): NonNullable<ActionFactoryOptions[K]> | 'ssh' | 'taktuk' {
    const problem = defaults.tool === undefined ? undefined : isTool(defaults.tool);
    if (problem) throw new InvalidArgument(`defaults.tool must be ${problem}, not ${show(defaults.tool)}`);
    return this.#options[what] ?? this.#options.tool ?? defaults.tool ?? 'ssh';
  }
}

const configured = new ActionFactory();

/** A `Remote`, or a `TaktukRemote` where `defaults.tool` says so. */
export function getRemote(...given: Parameters<ActionFactory['getRemote']>): Remote | TaktukRemote {
  return configured.getRemote(...given);
}
/** A `Put`, or a `TaktukPut` where `defaults.tool` says so. */
export function getFileput(...given: Parameters<ActionFactory['getFileput']>): Put | TaktukPut | ChainPut {
  return configured.getFileput(...given);
}
/** A `Get`, or a `TaktukGet` where `defaults.tool` says so. */
export function getFileget(...given: Parameters<ActionFactory['getFileget']>): Get | TaktukGet {
  return configured.getFileget(...given);
}
