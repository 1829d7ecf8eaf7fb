import { FilesStore, type SweepStore } from 'rookery';

/** The store of a place: a folder. */
export function storeFor(place: string): SweepStore {
  return new FilesStore(place);
}
