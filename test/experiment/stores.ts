import { FilesStore, RedisStore, type SweepStore } from 'rookery';

/** The store of a place: a folder, or the URL of a server with the name of a sweep behind `#`. */
export function storeFor(place: string): SweepStore {
  const [url, name] = place.split('#') as [string, string?];
  return name === undefined ? new FilesStore(place) : new RedisStore({ url, name });
}
