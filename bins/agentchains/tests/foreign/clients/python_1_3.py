"""A client on the Python SDK a2a-sdk 1.x: A2A 1.0 and, where it is compatible with it, 0.3, on both bindings.

Takes the address of an agent that asks for a decision, and prints one line of JSON for each way to it.
"""

import asyncio
import json
import sys

import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.helpers import get_text_parts, new_data_part, new_text_part
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Role,
    SendMessageRequest,
    TaskState,
)
from google.protobuf.json_format import MessageToDict


def state(status):
    return TaskState.Name(status.state)


def output(task):
    return MessageToDict(task.artifacts[0].parts[0].data)


class Way:
    def __init__(self, card, binding, version):
        self.card, self.binding, self.version = card, binding, version

    async def client(self, streaming):
        """A client that knows no other way."""
        config = ClientConfig(streaming=streaming, supported_protocol_bindings=[self.binding])
        card = type(self.card)()
        card.CopyFrom(self.card)
        mine = [
            interface
            for interface in self.card.supported_interfaces
            if (interface.protocol_binding, interface.protocol_version) == (self.binding, self.version)
        ]
        del card.supported_interfaces[:]
        card.supported_interfaces.extend(mine)
        return ClientFactory(config).create(card)

    def message(self, name, parts, task=None):
        ids = {"task_id": task.id, "context_id": task.context_id} if task else {}
        message_id = f"python-1-{self.binding}-{self.version}-{name}"
        return SendMessageRequest(
            message=Message(message_id=message_id, role=Role.ROLE_USER, parts=parts, **ids)
        )

    async def send(self, *message, task=None):
        async with await self.client(streaming=False) as client:
            [answer] = [answer async for answer in client.send_message(self.message(*message, task=task))]
            return answer.task

    async def stream(self, *message, task=None):
        async with await self.client(streaming=True) as client:
            return [event async for event in client.send_message(self.message(*message, task=task))]

    async def tell(self):
        go = [new_data_part({"topic": "tea", "n": 3})]
        asked = await self.send("ask", go)
        answered = await self.send("answer", [new_text_part("approve")], task=asked)
        events = await self.stream("stream", go)
        streamed = events[0].task
        decision = [new_data_part({"decision": "approve"})]
        more = await self.stream("stream-answer", decision, task=streamed)
        cancelled = await self.send("cancel", go)
        async with await self.client(streaming=False) as client:
            finished = await client.get_task(GetTaskRequest(id=streamed.id))
            cancelled = await client.cancel_task(CancelTaskRequest(id=cancelled.id))
            listed = None
            if self.version == "1.0":
                listed = len((await client.list_tasks(ListTasksRequest(context_id=asked.context_id))).tasks)
            try:
                await client.get_task(GetTaskRequest(id="nobody's"))
                unknown = None
            except Exception as error:
                unknown = type(error).__name__
        last = more[-1].status_update.status if more[-1].HasField("status_update") else more[-1].task.status
        return {
            "way": f"{self.binding} {self.version}",
            "asked": [state(asked.status), get_text_parts(asked.status.message.parts)[0]],
            "answered": [state(answered.status), output(answered), answered.id == asked.id],
            "streamed": [state(last), output(finished)],
            "cancelled": state(cancelled.status),
            "listed": listed,
            "unknown": unknown,
        }


async def main(address):
    async with httpx.AsyncClient(headers={"A2A-Version": "1.0"}) as http:
        card = await A2ACardResolver(http, address).get_agent_card()
    for interface in card.supported_interfaces:
        way = Way(card, interface.protocol_binding, interface.protocol_version)
        print(json.dumps(await way.tell()), flush=True)


asyncio.run(main(sys.argv[1]))
