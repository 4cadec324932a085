// A client on the JavaScript SDK @a2a-js/sdk 1.x: A2A 1.0 and, where it is compatible with it, 0.3, on both bindings.
//
// Takes the address of an agent that asks for a decision, and prints one line of JSON for each way to it.

const { Role, TaskState } = require('@a2a-js/sdk');
const { ClientFactory, DefaultAgentCardResolver, JsonRpcTransportFactory, RestTransportFactory } =
  require('@a2a-js/sdk/client');

const part = ($case, value) => ({ content: { $case, value }, mediaType: '', filename: '', metadata: undefined });
const state = (status) => TaskState[status.state];
const output = (task) => task.artifacts[0].parts[0].content.value;

async function everything(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

class Way {
  constructor(client, name) {
    Object.assign(this, { client, name });
  }

  request(name, parts, task) {
    const message = {
      messageId: `js-${this.name}-${name}`, role: Role.ROLE_USER, parts,
      taskId: task?.id ?? '', contextId: task?.contextId ?? '',
      metadata: undefined, extensions: [], referenceTaskIds: [],
    };
    const configuration = {
      acceptedOutputModes: [], taskPushNotificationConfig: undefined, historyLength: undefined, returnImmediately: false,
    };
    return { tenant: '', message, configuration, metadata: undefined };
  }

  async send(...message) {
    return this.client.sendMessage(this.request(...message));
  }

  async stream(...message) {
    return everything(this.client.sendMessageStream(this.request(...message)));
  }

  async tell() {
    const go = [part('data', { topic: 'tea', n: 3 })];
    const asked = await this.send('ask', go);
    const answered = await this.send('answer', [part('text', 'approve')], asked);
    const events = await this.stream('stream', go);
    const streamed = events[0].payload.value;
    const more = await this.stream('stream-answer', [part('data', { decision: 'approve' })], streamed);
    const finished = await this.client.getTask({ tenant: '', id: streamed.id, historyLength: undefined });
    const waiting = await this.send('cancel', go);
    const cancelled = await this.client.cancelTask({ tenant: '', id: waiting.id, metadata: undefined });
    let listed = null;
    if (this.name.endsWith('1.0')) {
      const wanted = { tenant: '', contextId: asked.contextId, status: TaskState.TASK_STATE_UNSPECIFIED, pageToken: '' };
      listed = (await this.client.listTasks(wanted)).tasks.length;
    }
    let unknown = null;
    try {
      await this.client.getTask({ tenant: '', id: "nobody's", historyLength: undefined });
    } catch (error) {
      unknown = error.name;
    }
    return {
      way: this.name,
      asked: [state(asked.status), asked.status.message.parts[0].content.value],
      answered: [state(answered.status), output(answered), answered.id === asked.id],
      streamed: [state(more.at(-1).payload.value.status), output(finished)],
      cancelled: state(cancelled.status),
      listed,
      unknown,
    };
  }
}

async function main(address) {
  const legacyCompat = { enabled: true };
  const card = await new DefaultAgentCardResolver({ legacyCompat }).resolve(`${address}/`);
  const transports = [new JsonRpcTransportFactory({ legacyCompat }), new RestTransportFactory({ legacyCompat })];
  for (const offered of card.supportedInterfaces) {
    const client = await new ClientFactory({ transports }).createFromAgentCard({ ...card, supportedInterfaces: [offered] });
    const way = new Way(client, `${offered.protocolBinding} ${offered.protocolVersion}`);
    console.log(JSON.stringify(await way.tell()));
  }
}

main(process.argv[2]);
