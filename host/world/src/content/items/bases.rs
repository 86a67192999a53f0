//! What items are made from: `items.toml`.

use std::collections::BTreeMap;

use crate::{
    Class,
    content::{ContentError, ContentProblem, creatures::ATTACK_TICKS_MAX, read::Entry, read::File},
    items::{Kind, Property, SOCKETS_MAX, Size, words::words},
};

/// Most rows.
pub(in crate::content) const BASES_MAX: usize = 2_000;
/// Most of one sort on one stack.
const STACK_MAX: u32 = 10_000;
/// The highest price of a row.
pub(super) const PRICE_MAX: u32 = 10_000_000;
/// How far anything reaches, in sub-tiles.
const REACH_MAX: i32 = 512;
/// The most damage and defence of a row.
const AMOUNT_MAX: i32 = 10_000;
/// The most of an attribute that a row may ask for.
const NEEDS_MAX: u32 = 500;
/// How wide and how high an item is at most.
const SIDE_MAX: u8 = 4;

/// What a character needs to wear an item. Only its own level and points count, not what it wears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// Its level.
    pub level: u32,
    /// Points of strength.
    pub strength: u32,
    /// Points of dexterity.
    pub dexterity: u32,
}

/// One property and what it gives, always the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gift {
    /// What.
    pub property: Property,
    /// How much.
    pub value: i32,
}

/// What a gem gives, by what it sits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// In a weapon or what is held beside it.
    pub weapon: Gift,
    /// In a helm and on the body.
    pub armour: Gift,
    /// In a shield.
    pub shield: Gift,
}

words! {
    /// What a scroll does.
    pub enum Use {
        /// Finds out what an item is.
        Identify = "identify",
        /// Brings its reader home.
        Return = "return",
    }
}

/// What an item is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// What it is called in other files and in what is stored; small letters, digits and hyphens.
    pub key: String,
    /// What players read.
    pub name: String,
    /// What sort of thing it is.
    pub kind: Kind,
    /// The level of an item from which on it falls.
    pub level: u32,
    /// How often it falls, relative to the others of its kind.
    pub frequency: u32,
    /// Cells in a grid.
    pub size: Size,
    /// What one of it is worth, in gold; 0 is not traded with vendors.
    pub price: u32,
    /// It takes both hands.
    pub two_handed: bool,
    /// Only this class wears it.
    pub class: Option<Class>,
    /// What it takes to wear it.
    pub needs: Needs,
    /// Added to the damage of blows: least and most.
    pub damage: (i32, i32),
    /// From one blow to the next, for weapons.
    pub attack_ticks: u32,
    /// How far a blow lands, in sub-tiles, for weapons.
    pub reach: i32,
    /// Added to the defence.
    pub defence: i32,
    /// Blows of a hundred that it blocks.
    pub block: i32,
    /// Most sockets.
    pub sockets: u32,
    /// Most on one stack; 1 does not stack.
    pub stack: u32,
    /// How long it lasts; 0 for ever.
    pub durability: u32,
    /// What it gives in a socket; for gems.
    pub setting: Option<Setting>,
    /// What it does; for scrolls.
    pub does: Option<Use>,
}

/// `items.toml`, in the order of the file, and where each key stands.
pub(super) fn bases(file: &File) -> Result<(Vec<Base>, BTreeMap<String, usize>), ContentError> {
    let mut top = file.top();
    let mut rows = Vec::new();
    let mut places = BTreeMap::new();
    for mut entry in top.entries("item", 1..=BASES_MAX)? {
        let row = base(&mut entry)?;
        if let Some(other) = places.insert(row.key.clone(), rows.len()) {
            return Err(entry.error("key", ContentProblem::Again(other + 1)));
        }
        entry.finish()?;
        rows.push(row);
    }
    top.finish()?;
    Ok((rows, places))
}

fn base(entry: &mut Entry<'_>) -> Result<Base, ContentError> {
    let kind = entry.word("kind", Kind::ALL, Kind::name)?;
    let (width, height) = (entry.integer("width", 1..=SIDE_MAX)?, entry.integer("height", 1..=SIDE_MAX)?);
    let cells = u32::from(width) * u32::from(height);
    let has_sockets = kind.is_weapon() || matches!(kind, Kind::Helm | Kind::Body | Kind::Shield);
    refuse_foreign_keys(entry, kind, has_sockets)?;
    let class = if entry.has("class") { Some(entry.word("class", &Class::ALL, Class::name)?) } else { None };
    let (damage, attack_ticks, reach) = if kind.is_weapon() {
        let damage = entry.pair("damage_min", "damage_max", 0..=AMOUNT_MAX)?;
        (damage, entry.integer("attack_ticks", 5..=ATTACK_TICKS_MAX)?, entry.integer("reach", 1..=REACH_MAX)?)
    } else {
        ((0, 0), 0, 0)
    };
    let hands: u32 = if kind.is_weapon() { entry.integer_or("hands", 1..=2, 1)? } else { 1 };
    // What is worn one by one does not lie on a stack.
    let stack_max = if matches!(kind, Kind::Scroll | Kind::Material) { STACK_MAX } else { 1 };
    let sockets_max = if has_sockets { cells.min(u32::try_from(SOCKETS_MAX).unwrap_or_default()) } else { 0 };
    Ok(Base {
        key: entry.key("key")?.to_owned(),
        name: entry.text("name")?.to_owned(),
        kind,
        level: entry.integer("level", 1..=crate::LEVEL_MAX)?,
        frequency: entry.integer("frequency", 0..=1_000)?,
        size: Size { width, height },
        price: entry.integer("price", 0..=PRICE_MAX)?,
        two_handed: hands == 2,
        class,
        needs: Needs {
            level: entry.integer_or("needs_level", 1..=crate::LEVEL_MAX, 1)?,
            strength: entry.integer_or("needs_strength", 0..=NEEDS_MAX, 0)?,
            dexterity: entry.integer_or("needs_dexterity", 0..=NEEDS_MAX, 0)?,
        },
        damage,
        attack_ticks,
        reach,
        defence: if kind.is_worn() { entry.integer_or("defence", 0..=AMOUNT_MAX, 0)? } else { 0 },
        block: if kind == Kind::Shield { entry.integer("block", 0..=75)? } else { 0 },
        sockets: entry.integer_or("sockets", 0..=sockets_max, 0)?,
        stack: entry.integer_or("stack", 1..=stack_max, 1)?,
        durability: if kind.is_worn() { entry.integer_or("durability", 0..=10_000, 0)? } else { 0 },
        setting: if kind == Kind::Gem { Some(setting(entry)?) } else { None },
        does: if kind == Kind::Scroll { Some(entry.word("does", Use::ALL, Use::name)?) } else { None },
    })
}

/// A key that means nothing for this kind of item is a mistake, not a wish that nobody fulfils.
fn refuse_foreign_keys(entry: &mut Entry<'_>, kind: Kind, has_sockets: bool) -> Result<(), ContentError> {
    let keys_of_kinds: [(&[&'static str], bool); 8] = [
        (&["class", "needs_strength", "needs_dexterity"], kind.is_worn()),
        (&["hands", "damage_min", "damage_max", "attack_ticks", "reach"], kind.is_weapon()),
        (&["defence", "durability"], kind.is_worn()),
        (&["block"], kind == Kind::Shield),
        (&["sockets"], has_sockets),
        (&["stack"], matches!(kind, Kind::Scroll | Kind::Material)),
        (&["weapon", "weapon_value", "armour", "armour_value", "shield", "shield_value"], kind == Kind::Gem),
        (&["does"], kind == Kind::Scroll),
    ];
    for key in keys_of_kinds.into_iter().filter(|(_, fits)| !fits).flat_map(|(keys, _)| keys) {
        if entry.has(key) {
            return Err(entry.error(key, ContentProblem::Unfit("is not for this kind of item; leave it out")));
        }
    }
    Ok(())
}

fn setting(entry: &mut Entry<'_>) -> Result<Setting, ContentError> {
    let mut gift = |property, value| {
        let property = entry.word(property, Property::ALL, Property::name)?;
        let (least, most) = property.line_bounds();
        Ok::<_, ContentError>(Gift { property, value: entry.integer(value, least..=most)? })
    };
    Ok(Setting {
        weapon: gift("weapon", "weapon_value")?,
        armour: gift("armour", "armour_value")?,
        shield: gift("shield", "shield_value")?,
    })
}
