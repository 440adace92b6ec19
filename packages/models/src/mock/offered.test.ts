import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ModelMessage, ToolDefinition } from '../model.ts';
import { offeredCall } from './offered.ts';

const weather: ToolDefinition = {
  name: 'get_weather',
  description: 'Get the current weather for a location',
  inputSchema: {
    type: 'object',
    properties: { location: { type: 'string' }, unit: { type: 'string', enum: ['celsius', 'fahrenheit'] } },
    required: ['location'],
  },
};
const lights: ToolDefinition = {
  name: 'setLights',
  description: 'Switches the lamps of a room to a level in percent.',
  inputSchema: {
    properties: { level: { type: 'integer' }, room: { enum: ['kitchen', 'bath'] } },
    required: ['level', 'room'],
  },
};
const calculator: ToolDefinition = { name: 'calculator', description: 'Sums up.', inputSchema: {} };
const tools = [calculator, lights, weather];
const result = (name: string, output: unknown, isError = false): ModelMessage => ({
  role: 'tool',
  toolCallId: 'call_1',
  name,
  output,
  isError,
});

describe('the built-in model, offered tools that it does not know', () => {
  it('calls the one whose name or description has the words of the request, with what that is about', () => {
    assert.deepEqual(offeredCall("What's the weather like in San Francisco?", { tools }, []), {
      call: { name: 'get_weather', input: { location: 'San Francisco' } },
    });
    assert.deepEqual(offeredCall('Please switch the lamps of the kitchen room to 40 percent', { tools }, []), {
      call: { name: 'setLights', input: { level: 40, room: 'kitchen' } },
    });
    assert.deepEqual(offeredCall('The weather in Bern, please. Get the current location first.', { tools }, []), {
      call: { name: 'get_weather', input: { location: 'Bern' } },
    });
    assert.equal(offeredCall('Hello, how are you?', { tools }, []), undefined);
    assert.equal(offeredCall('a calculator', { tools }, []), undefined, 'Reeve’s own are called by what is asked');
  });

  it('calls what its caller demands, and nothing where none is to be called', () => {
    const nameIn = (found: ReturnType<typeof offeredCall>) => found && 'call' in found && found.call.name;
    assert.equal(nameIn(offeredCall('hello', { tools, toolChoice: { tool: 'get_weather' } }, [])), 'get_weather');
    assert.equal(nameIn(offeredCall('hello', { tools, toolChoice: 'required' }, [])), 'setLights');
    assert.equal(offeredCall('weather in Rome', { tools, toolChoice: 'none' }, []), undefined);
  });

  it('answers from what they said, once they did', () => {
    const asked = (message: ModelMessage) =>
      offeredCall('weather in Rome', { tools, toolChoice: 'required' }, [message]);
    assert.deepEqual(asked(result('get_weather', '18 °C, sunny')), { answer: '18 °C, sunny' });
    assert.deepEqual(asked(result('get_weather', { error: 'no such town' }, true)), {
      answer: 'The tool failed: {"error":"no such town"}',
    });
  });
});
