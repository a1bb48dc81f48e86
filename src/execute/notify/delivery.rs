//! What came of a notification.

use schemars::JsonSchema;
use serde::Serialize;

/// What came of notifying one recipient.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Delivery {
    /// Who was to be notified.
    pub(crate) name: String,
    /// How: `command`, `http`, `slack` or `pagerduty`.
    pub(crate) channel: String,
    pub(crate) state: DeliveryState,
    pub(crate) attempts: u32,
    /// Why it was not delivered, or not at once.
    pub(crate) reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DeliveryState {
    Delivered,
    /// There was nothing to send it.
    Idle,
    Failed,
}
