//! The daemon's resolver: names for agents that have them in their scope.
//!
//! ```text
//! question → question → agent → Policy
//!                         ↓ permitted
//!                       cache, or flight → upstream → answer
//!                         ↓
//!                       special addresses out → known → Learn → reply
//! ```
//!
//! The kernel sends the questions of an agent to the sockets of a [`Listener`], wherever they were meant to go. A name
//! that the scope does not have is refused, and nobody else hears of it. What a permitted name resolves to is written to
//! the agent's table in the kernel *before* it is told, so that the agent can connect at once, and to nothing else.
//!
//! This room knows neither scopes nor maps: [`Policy`], [`Learn`], [`Askers`] and [`Records`] stand for them.

mod agent;
mod answer;
mod cache;
mod clock;
mod config;
mod counters;
mod interfaces;
mod known;
mod listener;
mod name;
mod question;
mod rate;
mod refusals;
mod replay;
mod reply;
mod resolver;
mod saved;
mod sockets;
mod source;
mod special;
mod stream;
mod upstream;
mod view;

pub use self::{
    agent::{Agent, LookUpError, LookedUp},
    config::{Config, Limits},
    counters::{AgentStats, ResolverStats},
    interfaces::{Askers, Detail, Judgement, Learn, Policy, Records, Refusal},
    known::KnownName,
    listener::Listener,
    replay::replay,
    resolver::Resolver,
    saved::RestoreError,
    sockets::Sockets,
    source::{Source, SourceError},
    view::LearnError,
};
