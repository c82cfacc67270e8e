// @openai/agents: tool loops, whole and streamed, by both doors.
import { Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, run, setTracingDisabled, tool } from '@openai/agents';
import OpenAI from 'openai';
import { z } from 'zod';
import { CALL_WEATHER, DONE, MODEL, apiKey, baseURL, same } from './scene.mjs';

setTracingDisabled(true);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const cities = [];
const weather = tool({
  name: 'get_weather',
  description: 'Weather for a city',
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => {
    cities.push(city);
    return '18C';
  },
});

for (const model of [new OpenAIResponsesModel(client, MODEL), new OpenAIChatCompletionsModel(client, MODEL)]) {
  const agent = new Agent({ name: 'forecaster', instructions: 'Be literal.', model, tools: [weather] });
  same((await run(agent, CALL_WEATHER)).finalOutput, DONE);
  const streamed = await run(agent, CALL_WEATHER, { stream: true });
  for await (const _ of streamed);
  await streamed.completed;
  same(streamed.finalOutput, DONE);
  same(cities.splice(0), ['Paris', 'Paris']);
}
