// An agent on the JavaScript SDK @a2a-js/sdk 1.x: A2A 1.0 on both bindings, and 0.3 where it is compatible with it.
//
// Each way to it has a card of its own, below `/jsonrpc`, `/polling`, `/rest` and `/compat`.

const { randomUUID } = require('node:crypto');
const express = require('express');
const { Role, TaskState } = require('@a2a-js/sdk');
const { AgentEvent, DefaultRequestHandler, InMemoryTaskStore } = require('@a2a-js/sdk/server');
const { UserBuilder, agentCardHandler, jsonRpcHandler, restHandler } = require('@a2a-js/sdk/server/express');

const FORM = { type: 'object', properties: { approve: { type: 'boolean' } }, required: ['approve'] };

// path: [binding, version, streaming]
const WAYS = {
  '/jsonrpc': ['JSONRPC', '1.0', true],
  '/polling': ['JSONRPC', '1.0', false],
  '/rest': ['HTTP+JSON', '1.0', true],
  '/compat': ['JSONRPC', '0.3', true],
};

const part = ($case, value, mediaType = '', filename = '') => ({
  content: { $case, value }, mediaType, filename, metadata: undefined,
});
const text = (value, ...more) => part('text', value, ...more);
const data = (value, ...more) => part('data', value, ...more);

/** The values of the parts of one kind. */
const values = (message, kind) =>
  message.parts.filter(({ content }) => content?.$case === kind).map(({ content }) => content.value);

/** What an agent says within one turn of a task. */
class Turn {
  constructor(context, bus) {
    Object.assign(this, { context, bus, taskId: context.taskId, contextId: context.contextId });
  }

  message(parts) {
    return {
      messageId: randomUUID(), contextId: this.contextId, taskId: this.taskId, role: Role.ROLE_AGENT,
      parts, metadata: undefined, extensions: [], referenceTaskIds: [],
    };
  }

  task(task) {
    const status = { state: TaskState.TASK_STATE_SUBMITTED, message: undefined, timestamp: undefined };
    const first = {
      id: this.taskId, contextId: this.contextId, status, artifacts: [],
      history: [this.context.userMessage], metadata: undefined,
    };
    this.bus.publish(AgentEvent.task(task ?? first));
  }

  status(state, parts, metadata) {
    const message = parts && this.message(parts);
    const status = { state: TaskState[`TASK_STATE_${state}`], message, timestamp: new Date().toISOString() };
    this.bus.publish(AgentEvent.statusUpdate({ taskId: this.taskId, contextId: this.contextId, status, metadata }));
  }

  artifact(parts, { artifactId = randomUUID(), append = false, lastChunk = true, metadata } = {}) {
    const artifact = { artifactId, name: '', description: '', parts, metadata, extensions: [] };
    this.bus.publish(AgentEvent.artifactUpdate({
      taskId: this.taskId, contextId: this.contextId, artifact, append, lastChunk, metadata: undefined,
    }));
  }
}

const DOES = {
  echo(turn, config) {
    turn.artifact([data({ echo: config })]);
    turn.status('COMPLETED');
  },
  chunks(turn) {
    ['one', 'two', 'three'].forEach((word, number) => {
      turn.status('WORKING', [text(`writing ${word}`)]);
      turn.artifact([text(word)], { artifactId: 'story', append: number > 0, lastChunk: number === 2 });
    });
    turn.status('COMPLETED');
  },
  parts(turn) {
    turn.artifact([
      text('see attachments', 'text/plain'),
      data({ rows: [{ n: 1 }, { n: 2 }] }, 'application/json'),
      part('raw', Buffer.from('hello,world\n'), 'text/csv', 'out.csv'),
      part('url', 'https://example.com/report.pdf', 'application/pdf', 'report.pdf'),
    ]);
    turn.status('COMPLETED');
  },
  ask: (turn) => turn.status('INPUT_REQUIRED', [text('Approve the payment of 12 EUR?'), data(FORM)]),
  auth: (turn) => turn.status('AUTH_REQUIRED', [text('Sign in first.')]),
  fail: (turn) => turn.status('FAILED', [text('out of paper')]),
  reject: (turn) => turn.status('REJECTED', [text('not my trade')]),
  slow(turn, config, cancelled) {
    turn.status('WORKING', [text('this takes a while')]);
    return cancelled;
  },
  crash(turn) {
    turn.status('WORKING');
    throw new Error('crashed in the middle');
  },
  // Puts the metadata where the config says: on the reports of the work, on the artifact, on the last report.
  usage(turn, config) {
    (config.working ?? []).forEach((metadata) => turn.status('WORKING', undefined, metadata));
    turn.artifact([data({ done: true })], { metadata: config.artifact });
    turn.status('COMPLETED', undefined, config.completed);
  },
};

/** Does what the data of a message says. */
class Agent {
  stops = new Map();

  async execute(context, bus) {
    const turn = new Turn(context, bus);
    const message = context.userMessage;
    const config = values(message, 'data')[0]?.config ?? {};
    if (config.do === 'message') {
      bus.publish(AgentEvent.message({ ...turn.message([data({ said: 'no task was needed' })]), taskId: '' }));
      return;
    }
    turn.task(context.task);
    if (context.task) {
      turn.artifact([data({ told: values(message, 'text'), data: values(message, 'data') })]);
      turn.status('COMPLETED');
      return;
    }
    const cancelled = new Promise((stop) => this.stops.set(context.taskId, () => {
      turn.status('CANCELED');
      stop();
    }));
    await DOES[config.do ?? 'echo'](turn, config, cancelled);
  }

  async cancelTask(taskId) {
    this.stops.get(taskId)?.();
  }
}

function mount(app, base, path, [protocolBinding, protocolVersion, streaming]) {
  const card = {
    name: `JavaScript SDK 1.x at ${path}`, description: 'Does what it is told', version: '1',
    supportedInterfaces: [{ url: base + path, protocolBinding, protocolVersion, tenant: '' }],
    capabilities: { streaming, pushNotifications: false, extensions: [] },
    defaultInputModes: ['application/json', 'text/plain'],
    defaultOutputModes: ['application/json', 'text/plain'],
    skills: [], securitySchemes: {}, securityRequirements: [], signatures: [],
  };
  const requestHandler = new DefaultRequestHandler(card, new InMemoryTaskStore(), new Agent());
  const legacyCompat = { enabled: protocolVersion !== '1.0' };
  const options = { requestHandler, userBuilder: UserBuilder.noAuthentication, legacyCompat };
  app.use(`${path}/.well-known/agent-card.json`, agentCardHandler({ agentCardProvider: requestHandler, legacyCompat }));
  app.use(path, protocolBinding === 'JSONRPC' ? jsonRpcHandler(options) : restHandler(options));
}

const app = express();
const server = app.listen(0, '127.0.0.1', () => {
  const base = `http://127.0.0.1:${server.address().port}`;
  Object.entries(WAYS).forEach(([path, way]) => mount(app, base, path, way));
  if (process.argv.includes('--check')) {
    server.close();
  } else {
    console.log(base);
  }
});
