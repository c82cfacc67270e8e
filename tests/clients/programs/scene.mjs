// What each Node program in this folder is told by its environment.
export const { CONCLAVE_BASE_URL: baseURL, CONCLAVE_API_KEY: apiKey, MODEL, SAID, SAY, DONE, CALL_WEATHER } = process.env;
export const NEEDS_BOTH = "What's the weather and the time in Rome?";
export const OBJECT = 'Give a name and a number.';

export function same(found, wanted) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`wanted ${b}, found ${a}`);
}
