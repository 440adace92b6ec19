import { routes, type Setting } from '@reeve/contract';
import { queryOptions } from '@tanstack/react-query';
import { api } from './connection.ts';

/** Every setting that the caller may see. */
export const settingsQuery = queryOptions({
  queryKey: ['settings'],
  queryFn: async ({ signal }) => (await api().call(routes.getSettings, { signal })).settings,
  refetchInterval: 30_000,
});

/** Changes one setting for the caller's tenant; null takes the change away. Answers all of them. */
export const putSetting = async (name: string, value: string | null): Promise<Setting[]> =>
  (await api().call(routes.putSettings, { body: { settings: { [name]: value } } })).settings;
