//! Whether the versions that were watched follow each other as it was meant.
#![warn(clippy::wildcard_enum_match_arm)]

use super::basis::ToldChange;

/// The first change that nobody told, as the versions before and the one after. `states` are the versions that ran at
/// once, one list for each time that they changed; a change has a direction.
pub(crate) fn untold_change<'a>(
    states: impl IntoIterator<Item = &'a Vec<String>>,
    told: &[ToldChange],
) -> Option<(String, String)> {
    let is_told = |before: &[String], to: &String| {
        told.iter().any(|change| change.to == *to && before.contains(&change.from))
    };
    let mut states = states.into_iter().filter(|state| !state.is_empty());
    let mut before = states.next()?;
    // Of versions that already ran side by side one is the oldest, and the others were told.
    let mut oldest = before.iter().filter(|version| !is_told(before, version));
    if let (Some(one), Some(other)) = (oldest.next(), oldest.next()) {
        return Some((one.clone(), other.clone()));
    }
    for after in states {
        let mut new = after.iter().filter(|version| !before.contains(version));
        if let Some(version) = new.find(|version| !is_told(before, version)) {
            return Some((before.join(", "), version.clone()));
        }
        before = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_in_its_direction() {
        let told = |pairs: &[(&str, &str)]| -> Vec<ToldChange> {
            let change = |(from, to): &(&str, &str)| ToldChange {
                from: (*from).to_owned(),
                to: (*to).to_owned(),
                reason: "meant".to_owned(),
            };
            pairs.iter().map(change).collect()
        };
        let there = [("1", "2")];
        let table: [(&[&[&str]], &[(&str, &str)], Option<(&str, &str)>); 12] = [
            (&[], &[], None),
            (&[&["1"]], &[], None),
            (&[&["1"], &["2"]], &[], Some(("1", "2"))),
            (&[&["1"], &["2"]], &there, None),
            (&[&["2"], &["1"]], &there, Some(("2", "1"))),
            (&[&["1"], &["1", "2"], &["2"]], &there, None),
            (&[&["1"], &["1", "2"], &["2"], &["1"]], &there, Some(("2", "1"))),
            (&[&["1"], &["1", "2"], &["2"], &["1"]], &[there[0], ("2", "1")], None),
            (&[&["1", "2"]], &[], Some(("1", "2"))),
            (&[&["1", "2"]], &there, None),
            (&[&["1", "2", "3"]], &there, Some(("1", "3"))),
            (&[&["1"], &[], &["3"]], &there, Some(("1", "3"))),
        ];
        for (states, pairs, expected) in table {
            let states: Vec<Vec<String>> =
                states.iter().map(|state| state.iter().map(ToString::to_string).collect()).collect();
            let found = untold_change(&states, &told(pairs));
            let found = found.as_ref().map(|(before, after)| (before.as_str(), after.as_str()));
            assert_eq!(found, expected, "{states:?} {pairs:?}");
        }
    }
}
