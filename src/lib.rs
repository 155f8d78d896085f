//! aza-agent: keeps PostgreSQL 18 on a plain Docker host the way a directory of manifests says.
//!
//! ```text
//!  desired-state/*.yaml ─ source ─ api::validate ─▶ Desired ─┐
//!                                                            ├─ diff ─▶ plan ─▶ act ─▶ look again
//!  Docker, PostgreSQL, cgroup ─ observe ─▶ Observed ─ tune ──┘            │
//!                                                                         └─▶ report ─▶ status.json
//! ```
//!
//! Five values carry a pass: `Observed`, drifts, `Plan`, `Outcome`, `Status`. Only looking and acting
//! touch the world; `aza-agent plan` is `run` without its last two stages.
//!
//! Imports run one way; a room names only rooms to its left, and `e2e/house` checks it:
//! `api → facts → catalogue → tune → diff → plan → report → host → client → source, observe, act, store →
//! reconcile → sim → controller → telemetry → cli → main`.
//!
//! Start reading at [`reconcile`]: one pass for one stack, in the order it happens.

// Ground floor: no clock, files, network, environment, async, logging.
pub mod api;
pub mod catalogue;
pub mod diff;
pub mod facts;
pub mod plan;
pub mod report;
pub mod tune;

// Stairs: std only, shared with the container.
pub mod host;

// First floor: effects.
#[cfg(feature = "agent")]
pub mod act;
#[cfg(feature = "agent")]
pub mod cli;
#[cfg(feature = "agent")]
pub mod client;
#[cfg(feature = "agent")]
pub mod controller;
#[cfg(feature = "agent")]
pub mod observe;
#[cfg(feature = "agent")]
pub mod reconcile;
#[cfg(all(feature = "agent", feature = "sim"))]
pub mod sim;
#[cfg(feature = "agent")]
pub mod source;
#[cfg(feature = "agent")]
pub mod store;
#[cfg(feature = "agent")]
pub mod telemetry;
