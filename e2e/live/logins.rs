//! Places for clients: `Available` speaks for them, although the agent has one that is reserved.

use std::process::{Child, Command, Stdio};

use aza_agent::api::condition::{ConditionType, Truth};

use crate::stack::Stack;

/// A client that holds its place until this value is dropped.
struct Client(Child);

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_with_no_place_left_for_clients_is_not_available() {
    let stack = Stack::up("places", "512MB", "settings: {max_connections: 12}");
    stack.sql("CREATE ROLE app LOGIN");
    let container = stack.container();
    let client = |_| {
        // It ends with its standard input, and not before.
        let mut psql = Command::new("docker");
        psql.args(["exec", "-i", &container, "psql", "-XqU", "app", "postgres"]);
        psql.stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Client(psql.spawn().unwrap())
    };
    let clients: Vec<Client> = (0..12).map(client).collect();
    let status = stack.wait_condition(ConditionType::Available, Truth::False, "LoginRefused");
    let told = status.condition(ConditionType::Available).unwrap();
    assert!(told.message.contains("max_connections"), "{}", told.message);
    drop(clients);
    stack.wait_ready();
}
