// Vercel's AI SDK: text, streams, tool steps and objects through all of its OpenAI doors.
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { embedMany, generateObject, generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';
import { CALL_WEATHER, DONE, MODEL, NEEDS_BOTH, OBJECT, SAID, SAY, apiKey, baseURL, same } from './scene.mjs';

const openai = createOpenAI({ baseURL, apiKey });
const compatible = createOpenAICompatible({
  name: 'conclave',
  baseURL,
  apiKey,
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const once = { maxRetries: 0 };
const tools = {
  get_weather: tool({
    description: 'Weather for a city',
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `18C in ${city}`,
  }),
  get_time: tool({
    description: 'Time in a city',
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `noon in ${city}`,
  }),
};

for (const model of [openai(MODEL), openai.chat(MODEL), compatible(MODEL), compatible.completionModel(MODEL)]) {
  same((await generateText({ model, prompt: SAY, ...once })).text.trim(), SAID);
  const streamed = streamText({ model, prompt: SAY, ...once });
  same((await streamed.text).trim(), SAID);
  same((await streamed.usage).totalTokens > 0, true);
}

for (const model of [openai(MODEL), openai.chat(MODEL), compatible(MODEL)]) {
  const steps = { model, tools, prompt: CALL_WEATHER, stopWhen: stepCountIs(3), ...once };
  const whole = await generateText(steps);
  same([whole.steps[0].toolCalls[0].input, whole.text], [{ city: 'Paris' }, DONE]);
  const streamed = streamText(steps);
  same(await streamed.text, DONE);
  const both = await generateText({ ...steps, prompt: NEEDS_BOTH });
  same(both.steps[0].toolCalls.length, 2);
  same([both.text.includes('18C in Rome'), both.text.includes('noon in Rome')], [true, true]);
  const schema = z.object({ name: z.string(), number: z.number().int() });
  const { object } = await generateObject({ model, schema, prompt: OBJECT, ...once });
  same(Object.keys(object).sort(), ['name', 'number']);
}

for (const model of [openai.embedding('sim-embed'), compatible.embeddingModel('sim-embed')]) {
  same((await embedMany({ model, values: ['a', 'b'] })).embeddings.length, 2);
}
const refused = await generateText({ model: compatible('no-such-model'), prompt: SAY, ...once }).catch((error) => error);
same(refused.statusCode, 404);
