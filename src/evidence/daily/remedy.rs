//! What makes a day show something.
#![warn(clippy::wildcard_enum_match_arm)]

/// What makes a day show something that shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// A report under its name.
    Report,
    /// A report that is made again.
    Anew,
    /// A newer report than all that are there.
    NewerReport,
    /// Clocks that agree.
    Clocks,
    /// Another run: what was watched is not to be had otherwise.
    OtherRun,
    /// Nothing but time: the day has to leave the window.
    Time,
}

impl Remedy {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Report => "make it with `mmops soak daily --date`",
            Self::Anew => "make it again with `mmops soak daily --date`",
            Self::NewerReport => "make the report of the last day that is over with `mmops soak daily`",
            Self::Clocks => "set the clocks, and make the report again",
            Self::OtherRun => {
                "make it of a run of the service on the system clock; only a demo counts a simulation"
            }
            Self::Time => "wait until the day has left the window",
        }
    }
}
