//! `[realm]`, or several `[[realm]]`: which realms this server has.

use std::{fmt, ops};

use realm_world::Difficulty;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, value::MapAccessDeserializer},
};

/// `[realm]`: what players are told about the realm, and who is let in. A server of several realms has `[[realm]]` in its place, once for
/// each, and every key there is that realm's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RealmConfig {
    /// Key under which the realm's characters and ladder are stored: 1 to 32 small letters, digits and `-`; of several realms each has its
    /// own. Clients may name the realm by it. In the database of a server with one realm, characters that stand under another key, and under
    /// that alone, are taken over when it is changed. Of several realms the first is the one of clients that name none, and what plugins
    /// remember stands under its key: leave it the first.
    #[schemars(length(min = 1, max = 32))]
    pub key: String,
    /// Name of the realm, chosen by clients at log-in. It may be changed at any time.
    #[schemars(length(min = 2, max = 32))]
    pub name: String,
    /// One sentence about it for lists.
    #[schemars(length(max = 200))]
    pub description: String,
    /// Only staff are let in. Everybody else is refused with REALM_CLOSED, whichever way they come; the ladder stays open to readers.
    pub closed: bool,
    /// Not in the list of realms. Who knows its name or key comes in all the same.
    pub hidden: bool,
    /// Characters that are made here, or brought here by staff, are hardcore: they die for good. Others that there are already go on.
    pub hardcore_only: bool,
    /// Characters that play here get places in the ladder of this realm. Without, it has no ladder and no seasons, and what it had comes
    /// back with the next `true`.
    pub ladder: bool,
    /// The hardest games that are opened here: `normal`, `nightmare` or `hell`.
    #[schemars(with = "String")]
    pub difficulty_max: Difficulty,
    /// Several nodes serve this realm over one database of PostgreSQL; each of them says so. A character plays on one of them at a time.
    /// What a node keeps in its memory is its own: games, channels, live sessions, mutes and the keys of plugins.
    pub shared: bool,
}

impl Default for RealmConfig {
    fn default() -> Self {
        Self {
            key: "main".to_owned(),
            name: "Emberfall".to_owned(),
            description: "A realm for everybody.".to_owned(),
            closed: false,
            hidden: false,
            hardcore_only: false,
            ladder: true,
            difficulty_max: Difficulty::Hell,
            shared: false,
        }
    }
}

impl RealmConfig {
    /// True when a client that writes this means the realm: its name or its key, in any case.
    #[must_use]
    pub fn is_called(&self, written: &str) -> bool {
        let written = written.to_lowercase();
        self.name.to_lowercase() == written || self.key == written
    }

    /// What is unlike an ordinary realm, in words; empty for nothing.
    #[must_use]
    pub fn flags(&self) -> String {
        let hardest = format!("up to {}", self.difficulty_max.name());
        let words = [
            (self.closed, "closed to all but staff"),
            (self.hidden, "hidden"),
            (self.hardcore_only, "hardcore only"),
            (!self.ladder, "no ladder"),
            (self.difficulty_max < Difficulty::Hell, hardest.as_str()),
            (self.shared, "shared"),
        ];
        words.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
    }
}

/// The realms of a server, at least one, in the order of the file: one table, or an array of tables.
#[derive(Debug, Clone, PartialEq)]
pub struct RealmConfigs(Vec<RealmConfig>);

/// Most realms of one server.
const REALMS_MAX: usize = 64;

impl Default for RealmConfigs {
    fn default() -> Self {
        Self(vec![RealmConfig::default()])
    }
}

impl ops::Deref for RealmConfigs {
    type Target = [RealmConfig];

    fn deref(&self) -> &[RealmConfig] {
        &self.0
    }
}

impl ops::DerefMut for RealmConfigs {
    fn deref_mut(&mut self) -> &mut [RealmConfig] {
        &mut self.0
    }
}

impl From<RealmConfig> for RealmConfigs {
    fn from(only: RealmConfig) -> Self {
        Self(vec![only])
    }
}

impl RealmConfigs {
    /// The realm of clients that name none.
    #[must_use]
    pub fn home(&self) -> &RealmConfig {
        self.0.first().expect("there is at least one realm")
    }

    /// Adds a realm behind the others.
    pub fn push(&mut self, realm: RealmConfig) {
        self.0.push(realm);
    }

    /// Takes a realm away; the last one stays.
    pub fn remove(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.retain(|realm| realm.key != key);
        }
    }

    /// Checks what a person wrote.
    ///
    /// # Errors
    /// The first problem: which realm, counted from 0, which key of it, and what to write.
    pub fn check(&self) -> Result<(), (usize, &'static str, String)> {
        if self.0.len() > REALMS_MAX {
            return Err((
                REALMS_MAX,
                "key",
                format!("a server has at most {REALMS_MAX} realms; start another for more"),
            ));
        }
        for (index, realm) in self.0.iter().enumerate() {
            let RealmConfig { key, name, .. } = realm;
            if !key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
                let problem = format!(
                    "[realm] key = \"{key}\" has other characters than small letters, digits and -; write one like \"main\""
                );
                return Err((index, "key", problem));
            }
            for earlier in &self.0[..index] {
                if earlier.key == *key {
                    let problem = format!(
                        "[[realm]] key = \"{key}\" stands at two realms; give each a key of its own, under which its characters are stored"
                    );
                    return Err((index, "key", problem));
                }
                if earlier.is_called(name) || realm.is_called(&earlier.name) || earlier.is_called(key) {
                    let problem = format!(
                        "[[realm]] name = \"{name}\" and key = \"{key}\" mean another realm, too (\"{}\", key \"{}\"); choose a name and a key that mean one realm alone",
                        earlier.name, earlier.key
                    );
                    return Err((index, "name", problem));
                }
            }
        }
        Ok(())
    }
}

impl Serialize for RealmConfigs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [only] => only.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for RealmConfigs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrSeveral)
    }
}

struct OneOrSeveral;

impl<'de> de::Visitor<'de> for OneOrSeveral {
    type Value = RealmConfigs;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[realm], or [[realm]] once for each realm")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, table: A) -> Result<RealmConfigs, A::Error> {
        RealmConfig::deserialize(MapAccessDeserializer::new(table)).map(RealmConfigs::from)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut tables: A) -> Result<RealmConfigs, A::Error> {
        let mut realms = Vec::new();
        while let Some(realm) = tables.next_element()? {
            realms.push(realm);
        }
        if realms.is_empty() {
            return Err(de::Error::custom("a server has at least one realm; write [realm] or [[realm]]"));
        }
        Ok(RealmConfigs(realms))
    }
}

/// What each of them may hold; that there may be several is said in words.
impl JsonSchema for RealmConfigs {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        RealmConfig::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        RealmConfig::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realm(key: &str, name: &str) -> RealmConfig {
        RealmConfig { key: key.to_owned(), name: name.to_owned(), ..RealmConfig::default() }
    }

    fn checked(realms: &[RealmConfig]) -> Option<(usize, &'static str)> {
        RealmConfigs(realms.to_vec()).check().err().map(|(index, key, _)| (index, key))
    }

    #[test]
    fn every_name_and_every_key_means_one_realm() {
        assert_eq!(checked(&[realm("main", "Main"), realm("hard", "Duskwall")]), None);
        assert_eq!(checked(&[realm("main", "Emberfall"), realm("Hard", "Duskwall")]), Some((1, "key")));
        assert_eq!(checked(&[realm("main", "Emberfall"), realm("main", "Duskwall")]), Some((1, "key")));
        assert_eq!(checked(&[realm("main", "Emberfall"), realm("hard", "EMBERFALL")]), Some((1, "name")));
        assert_eq!(checked(&[realm("main", "hard"), realm("hard", "Duskwall")]), Some((1, "name")));
        assert_eq!(checked(&[realm("main", "Emberfall"), realm("hard", "Main")]), Some((1, "name")));
    }

    #[test]
    fn what_is_out_of_the_ordinary_is_told() {
        assert_eq!(realm("main", "Emberfall").flags(), "");
        let odd =
            RealmConfig { closed: true, ladder: false, difficulty_max: Difficulty::Normal, ..RealmConfig::default() };
        assert_eq!(odd.flags(), "closed to all but staff, no ladder, up to normal");
    }

    #[test]
    fn a_realm_is_called_by_its_name_or_its_key_in_any_case() {
        let one = realm("dusk-1", "Düskwall");
        for called in ["Düskwall", "DÜSKWALL", "dusk-1", "DUSK-1"] {
            assert!(one.is_called(called), "{called}");
        }
        for other in ["", "Duskwall", "dusk-"] {
            assert!(!one.is_called(other), "{other}");
        }
    }
}
