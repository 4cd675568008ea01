"""A client of an MCP server on the official Python SDK:

    python client.py <generation> <calls> <server> [argument…]

It connects, lists the tools, makes the calls (JSON: [{tool, arguments, changes}]), leaves, and prints what it saw as one JSON object.
After a call that `changes` the list of tools it waits until it was told so, and fetches the list.
"""

import json
import os
import sys
from contextlib import AsyncExitStack

import anyio
from mcp import Client, StdioServerParameters
from mcp.types import ToolListChangedNotification

LIMIT = 20


async def names(client):
    return [tool.name for tool in (await client.list_tools()).tools]


async def main(generation, calls, command, *args):
    server = StdioServerParameters(command=command, args=list(args), env=dict(os.environ))
    tell, told = anyio.create_memory_object_stream(100)

    async def hear(message):
        if isinstance(message, ToolListChangedNotification):
            tell.send_nowait(message)

    older = generation == "initialize"
    client = Client(
        server,
        mode="legacy" if older else "auto",
        message_handler=hear,
        read_timeout_seconds=LIMIT,
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(client)
        changes = told
        if not older:
            changes = await stack.enter_async_context(client.listen(tools_list_changed=True))
        seen = {
            "protocol": client.protocol_version,
            "server": client.server_info.model_dump(exclude_none=True),
            "instructions": client.instructions,
            "tools": await names(client),
            "answers": [],
        }
        for call in json.loads(calls):
            result = await client.call_tool(call["tool"], call["arguments"])
            answer = {
                "tool": call["tool"],
                "is_error": bool(result.is_error),
                "value": json.loads(result.content[0].text),
            }
            if call.get("changes"):
                with anyio.fail_after(LIMIT):
                    await anext(aiter(changes))
                answer["tools"] = await names(client)
            seen["answers"].append(answer)
        seen["unexpected"] = told.statistics().current_buffer_used if older else 0
    print(json.dumps(seen))


anyio.run(main, *sys.argv[1:])
