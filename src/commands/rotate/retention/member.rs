//! A file, or a directory that goes or stays as one, with what was decided about it and why.

use super::tiers;

/// Members that compete with each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    pub rule: usize,
}

/// Why a member stays although something may have marked it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// A process has it open for writing.
    OpenForWriting,
    /// Its name says that it is being written, and it is younger than a day.
    InProgress,
    /// It is younger than the smallest age.
    TooYoung,
    Floor,
    NewestOfKind,
}

impl Guard {
    pub const ALL: [Guard; 5] =
        [Guard::OpenForWriting, Guard::InProgress, Guard::TooYoung, Guard::Floor, Guard::NewestOfKind];

    pub fn as_str(self) -> &'static str {
        match self {
            Guard::OpenForWriting => "open_for_writing",
            Guard::InProgress => "in_progress",
            Guard::TooYoung => "min_age",
            Guard::Floor => "min_keep",
            Guard::NewestOfKind => "newest_of_kind",
        }
    }
}

/// Which limits marked a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u8);

impl Marks {
    /// Older than the limit.
    pub const TTL: Marks = Marks(1);
    /// Among the oldest of a group that is too large.
    pub const SIZE: Marks = Marks(2);
    /// Beyond the newest that are kept.
    pub const COUNT: Marks = Marks(4);
    /// Wanted by no tier.
    pub const TIERS: Marks = Marks(8);
    /// Among the oldest of all groups, which are too large together.
    pub const TOTAL: Marks = Marks(16);
    /// Among the oldest on a disk with too little free space.
    pub const MIN_FREE: Marks = Marks(32);

    /// Every mark with its word in reports and plans.
    pub const ALL: [(Marks, &'static str); 6] = [
        (Marks::TTL, "ttl"),
        (Marks::SIZE, "size"),
        (Marks::COUNT, "count"),
        (Marks::TIERS, "tiers"),
        (Marks::TOTAL, "total_size"),
        (Marks::MIN_FREE, "min_free"),
    ];

    pub fn has(self, mark: Marks) -> bool {
        self.0 & mark.0 != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn add(&mut self, mark: Marks) {
        self.0 |= mark.0;
    }

    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().filter(move |(mark, _)| self.has(*mark)).map(|(_, word)| word)
    }
}

/// Why a file takes no part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exempt {
    /// A pattern of `protect` matches it.
    Protected,
    /// Version control needs it in an otherwise empty directory.
    ControlFile,
    /// It is the archive of a rotation.
    Archive,
    /// Another mmops is writing it, or it is the plan of this rotation.
    Transient,
    /// The pattern of the command line does not match it.
    Filtered,
    /// No rule of the policy matches it.
    NoRule,
    /// Files are dated by their names, and this one has no date.
    Undated,
    /// It is in a directory that goes or stays as one and has something in it that stays.
    UnitWithProtected,
}

impl Exempt {
    pub fn as_str(self) -> &'static str {
        match self {
            Exempt::Protected => "protected",
            Exempt::ControlFile => "control_file",
            Exempt::Archive => "rotation_archive",
            Exempt::Transient => "temporary_of_mmops",
            Exempt::Filtered => "not_matched",
            Exempt::NoRule => "no_rule",
            Exempt::Undated => "undated",
            Exempt::UnitWithProtected => "unit_with_protected",
        }
    }
}

/// What part something has in a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It goes if a limit marks it.
    Free,
    /// It stays, whatever marks it.
    Guarded(Guard),
    /// No limit is asked about it.
    Exempt(Exempt),
    /// The member of the directory that holds it speaks for it.
    InUnit,
}

/// One file, or one directory that is a unit, with what was decided about it.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    pub group: u32,
    /// Index of its kind; the newest of each stays.
    pub kind: u32,
    pub part: Part,
    pub marks: Marks,
    /// Which tiers want it, one bit each.
    pub tiers: u8,
}

impl Member {
    pub fn new(group: u32, kind: u32, guard: Option<Guard>) -> Self {
        let part = guard.map_or(Part::Free, Part::Guarded);
        Self { group, kind, part, marks: Marks::default(), tiers: 0 }
    }

    /// One that no limit is asked about.
    pub(crate) fn apart(part: Part) -> Self {
        Self { part, ..Self::new(0, 0, None) }
    }

    pub(crate) fn is_candidate(&self) -> bool {
        matches!(self.part, Part::Free | Part::Guarded(_))
    }

    pub fn goes(&self) -> bool {
        self.part == Part::Free && !self.marks.is_empty()
    }

    /// The guard without which it would go.
    pub fn saved_by(&self) -> Option<Guard> {
        match self.part {
            Part::Guarded(guard) if !self.marks.is_empty() => Some(guard),
            Part::Guarded(_) | Part::Free | Part::Exempt(_) | Part::InUnit => None,
        }
    }

    pub(super) fn guard(&mut self, guard: Guard) {
        if self.part == Part::Free {
            self.part = Part::Guarded(guard);
        }
    }

    /// Why it goes, or what keeps it: the words of a plan.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let is_marked = !self.marks.is_empty();
        match self.part {
            Part::Exempt(exempt) => vec![exempt.as_str().to_owned()],
            Part::Free if is_marked => self.marks.words().map(str::to_owned).collect(),
            Part::Guarded(guard) if is_marked => vec![guard.as_str().to_owned()],
            Part::Free | Part::Guarded(_) | Part::InUnit => {
                let tiers: Vec<String> = tier_words(self.tiers).map(|tier| format!("tier_{tier}")).collect();
                if tiers.is_empty() { vec!["within_limits".to_owned()] } else { tiers }
            }
        }
    }
}

/// The words of the tiers that want a member.
pub(crate) fn tier_words(wanted: u8) -> impl Iterator<Item = &'static str> {
    let named = tiers::WORDS.into_iter().enumerate();
    named.filter(move |(bit, _)| wanted & (1 << bit) != 0).map(|(_, word)| word)
}
