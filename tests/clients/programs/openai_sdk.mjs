// The official SDK for Node: chat, Responses, stream helpers, models, typed errors.
import OpenAI from 'openai';
import { MODEL, SAID, SAY, apiKey, baseURL, same } from './scene.mjs';

const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: 'user', content: SAY }];

const whole = await client.chat.completions.create({ model: MODEL, messages });
same(whole.choices[0].message.content, SAID);
const chat = client.chat.completions.stream({ model: MODEL, messages, stream_options: { include_usage: true } });
same(await chat.finalContent(), SAID);
same((await chat.totalUsage()).total_tokens > 0, true);

same((await client.responses.create({ model: MODEL, input: SAY })).output_text, SAID);
same((await client.responses.stream({ model: MODEL, input: SAY }).finalResponse()).output_text, SAID);

const listed = [];
for await (const model of client.models.list()) listed.push(model.id);
same(listed.includes(MODEL), true);

const refused = await client.chat.completions.create({ model: 'no-such-model', messages }).catch((error) => error);
same([refused instanceof OpenAI.NotFoundError, refused.code, Boolean(refused.requestID)], [true, 'model_not_found', true]);
