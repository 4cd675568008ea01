//! The records of a session as the client writes them, made up in any amount: lengths and texts are pseudo-random and the same
//! every time.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    reason = "each bench includes this file and uses a part of it"
)]

use serde_json::{Value, json};

/// A stream in the making.
#[derive(Debug)]
pub struct Stream {
    /// What there is of it.
    pub bytes: Vec<u8>,
    seed: u64,
    number: u64,
}

impl Stream {
    /// An empty one, with room for so many bytes.
    pub fn with_room(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), seed: 0x9e37_79b9_7f4a_7c15, number: 0 }
    }

    /// The first record.
    pub fn begin(&mut self) {
        self.line(&init());
    }

    /// The last record.
    pub fn end(&mut self) {
        self.line(&result());
    }

    /// A session that reads, runs commands, writes and speaks: one round of that, about 100 KB.
    pub fn round(&mut self) {
        let words = self.source(300);
        self.assistant(&json!({"type": "text", "text": words}));
        let length = self.between(2 << 10, 50 << 10);
        self.tool("Read", &json!({"file_path": "/repo/src/kitchen/pots.rs", "limit": 2000}), length);
        self.heartbeat();
        let length = self.between(2 << 10, 20 << 10);
        self.tool("Bash", &json!({"command": "cargo test", "description": "Runs the tests"}), length);
        let content = self.source(20 << 10);
        self.tool("Write", &json!({"file_path": "/repo/src/kitchen/pans.rs", "content": content}), 2 << 10);
    }

    /// Short words, a short call and a heartbeat.
    pub fn small_round(&mut self) {
        self.assistant(&json!({"type": "text", "text": "Next."}));
        self.tool("Read", &json!({"file_path": "a"}), 10);
        self.heartbeat();
    }

    fn line(&mut self, record: &Value) {
        self.bytes.extend_from_slice(record.to_string().as_bytes());
        self.bytes.push(b'\n');
    }

    fn assistant(&mut self, block: &Value) {
        self.number += 1;
        let record = json!({
            "type": "assistant",
            "message": {
                "model": "claude-sonnet-4-5", "id": format!("msg_{:024}", self.number), "type": "message",
                "role": "assistant", "content": [block], "stop_reason": null, "stop_sequence": null,
                "usage": {
                    "input_tokens": 12, "cache_creation_input_tokens": 1830, "cache_read_input_tokens": 48_211,
                    "cache_creation": {"ephemeral_5m_input_tokens": 1830, "ephemeral_1h_input_tokens": 0},
                    "output_tokens": 1, "service_tier": "standard",
                },
                "context_management": null,
            },
            "parent_tool_use_id": null,
            "session_id": SESSION,
            "uuid": "0f2d9a50-3c1f-4c7e-9a59-3a5b2f6d7c11",
        });
        self.line(&record);
    }

    /// A call and its result of this length. The client gives a result twice: as the model sees it, and structured.
    pub fn tool(&mut self, tool: &str, input: &Value, length: usize) {
        let id = format!("toolu_{:024}", self.number);
        self.assistant(&json!({"type": "tool_use", "id": id, "name": tool, "input": input}));
        let output = self.source(length / 2);
        let record = json!({
            "type": "user",
            "message": {
                "role": "user",
                "content": [{"tool_use_id": id, "type": "tool_result", "content": output, "is_error": false}],
            },
            "parent_tool_use_id": null,
            "session_id": SESSION,
            "uuid": "5b6f0ed5-64b8-44a5-8a0f-f7cf6d4a0e5e",
            "tool_use_result": {"stdout": output, "stderr": "", "interrupted": false, "isImage": false},
        });
        self.line(&record);
    }

    fn heartbeat(&mut self) {
        let record = json!({
            "type": "tool_progress", "tool_use_id": format!("toolu_{:024}", self.number), "tool_name": "Bash",
            "parent_tool_use_id": null, "elapsed_time_seconds": 30.2, "session_id": SESSION,
            "uuid": "b3b2ad7f-3b0d-4a43-b8ea-1c4f4a7a3c55",
        });
        self.line(&record);
    }

    /// Text like source code: quotes and line ends that JSON escapes, now and then a character beyond ASCII.
    fn source(&mut self, length: usize) -> String {
        const LINES: &[&str] = &[
            "    let pot = Pot::new(\"copper\", 12);\n",
            "fn simmer(pot: &mut Pot, minutes: u32) -> Result<Soup, Spilled> {\n",
            "        // Stirred, because what sticks to the bottom burns.\n",
            "    assert_eq!(recipe.steps.keys().collect::<Vec<_>>(), [\"chop\", \"fry\", \"serve\"]);\n",
            "\n",
            "    match taste(&soup) { Taste::Bland => season(soup), Taste::Fine => serve(soup) }\n",
            "}\n",
            "test kitchen::tests::a_soup_à_la_crème_is_warm ... ok\n",
        ];
        let mut text = String::with_capacity(length + 100);
        while text.len() < length {
            let pick = self.between(0, LINES.len());
            text.push_str(LINES[pick]);
        }
        text
    }

    fn between(&mut self, low: usize, high: usize) -> usize {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        low + (self.seed % (high - low) as u64) as usize
    }
}

const SESSION: &str = "c7d2c5a9-8f4c-4b63-9d6b-6a1d2a1f7e10";

fn init() -> Value {
    let commands: Vec<String> = (0..40).map(|number| format!("command-{number}")).collect();
    json!({
        "type": "system", "subtype": "init", "cwd": "/repo", "session_id": SESSION,
        "tools": ["Bash", "Read", "Write"], "mcp_servers": [], "model": "claude-sonnet-4-5",
        "permissionMode": "bypassPermissions", "slash_commands": commands, "claude_code_version": "2.1.330",
    })
}

fn result() -> Value {
    json!({
        "type": "result", "subtype": "success", "is_error": false, "terminal_reason": "completed",
        "duration_ms": 61_000, "num_turns": 12, "result": "Done.", "session_id": SESSION,
        "total_cost_usd": 0.42, "permission_denials": [],
        "usage": {"input_tokens": 12, "output_tokens": 340, "cache_read_input_tokens": 48_211},
    })
}
