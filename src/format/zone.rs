//! Time zones by their names in the IANA list. What a name means is read from the database that is built in: the same
//! on every machine, whatever lies in its `/usr/share/zoneinfo` and whatever its environment says.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// A zone for machines that nobody has set up; its rules say nothing.
const NO_PLACE: &str = "Factory";

static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let database = TimeZoneDatabase::bundled();
    database.available().map(|name| name.as_str().to_owned()).filter(|name| name != NO_PLACE).collect()
});

/// Looks zones up, each once.
pub(crate) struct Zones {
    database: TimeZoneDatabase,
    known: BTreeMap<String, TimeZone>,
}

impl Zones {
    pub(crate) fn built_in() -> Self {
        Self::of(TimeZoneDatabase::bundled())
    }

    /// By another database; which names there are does not depend on it.
    pub(crate) fn of(database: TimeZoneDatabase) -> Self {
        Self { database, known: BTreeMap::new() }
    }

    /// # Errors
    /// When the name is not in the list, or the database does not have it.
    pub(crate) fn get(&mut self, name: &str) -> Result<TimeZone, String> {
        if let Some(zone) = self.known.get(name) {
            return Ok(zone.clone());
        }
        if !NAMES.contains(name) {
            let near = NAMES.iter().find(|known| known.eq_ignore_ascii_case(name));
            let near = near.map_or("write a name such as Europe/Berlin".to_owned(), |near| {
                format!("write `{near}`, with the capital letters of the list")
            });
            return Err(format!("`{name}` is not a time zone of the IANA list; {near}"));
        }
        let zone = self.database.get(name).map_err(|error| format!("time zone `{name}`: {error}"))?;
        self.known.insert(name.to_owned(), zone.clone());
        Ok(zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_list_and_nothing_that_a_machine_adds() {
        let mut zones = Zones::built_in();
        for name in ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "Asia/Kolkata", "Etc/GMT+3"] {
            assert!(zones.get(name).is_ok(), "{name}");
        }
        for name in
            ["localtime", "posixrules", "Factory", "posix/Europe/Berlin", "right/UTC", "CEST", "", "../x"]
        {
            assert!(zones.get(name).is_err(), "{name}");
        }
        assert!(zones.get("europe/berlin").is_err_and(|error| error.contains("`Europe/Berlin`")));
    }
}
