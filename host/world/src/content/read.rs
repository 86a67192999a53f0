//! Reading the tables of a content file, every key exactly once.

use std::ops::RangeInclusive;

use super::{ContentError, ContentProblem};

/// Most characters of a name.
pub(crate) const NAME_LENGTH_MAX: usize = 32;
/// Most characters of a key.
const KEY_LENGTH_MAX: usize = 40;

/// One parsed file.
pub(crate) struct File {
    name: &'static str,
    table: toml::Table,
}

/// One entry of a file. Each key is read once; what remains unread at the end is an error.
pub(crate) struct Entry<'file> {
    file: &'static str,
    label: String,
    table: &'file toml::Table,
    keys_known: Vec<&'static str>,
    /// The file itself.
    is_top: bool,
}

impl File {
    pub(crate) fn parse(name: &'static str, text: &str) -> Result<Self, ContentError> {
        let table = toml::from_str::<toml::Table>(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let before = text.get(..start).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
            let problem = format!("column {column}: {}", error.message().replace('\n', "; "));
            ContentError::Syntax { file: name, line, problem }
        })?;
        Ok(Self { name, table })
    }

    /// The file itself as an entry.
    pub(crate) fn top(&self) -> Entry<'_> {
        Entry {
            file: self.name,
            label: "top level".to_owned(),
            table: &self.table,
            keys_known: Vec::new(),
            is_top: true,
        }
    }

    pub(crate) fn table(&self) -> &toml::Table {
        &self.table
    }
}

impl<'file> Entry<'file> {
    /// An error about one key of this entry.
    pub(crate) fn error(&self, key: &str, problem: ContentProblem) -> ContentError {
        ContentError::Value { file: self.file, entry: self.label.clone(), key: key.to_owned(), problem }
    }

    /// A whole number within a range.
    pub(crate) fn integer<T>(&mut self, key: &'static str, range: RangeInclusive<T>) -> Result<T, ContentError>
    where
        T: Copy + Into<i64> + TryFrom<i64>,
    {
        let value = self.value(key)?;
        let value = value.as_integer().ok_or_else(|| self.error(key, ContentProblem::Type("a whole number")))?;
        let (min, max) = ((*range.start()).into(), (*range.end()).into());
        let out_of_range = || self.error(key, ContentProblem::Range { value, min, max });
        if !(min..=max).contains(&value) {
            return Err(out_of_range());
        }
        T::try_from(value).map_err(|_| out_of_range())
    }

    /// A whole number that may be left out.
    pub(crate) fn integer_or<T>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<T>,
        otherwise: T,
    ) -> Result<T, ContentError>
    where
        T: Copy + Into<i64> + TryFrom<i64>,
    {
        if self.has(key) { self.integer(key, range) } else { Ok(otherwise) }
    }

    /// Two numbers of which the second is not below the first.
    pub(crate) fn pair(
        &mut self,
        low: &'static str,
        high: &'static str,
        range: RangeInclusive<i32>,
    ) -> Result<(i32, i32), ContentError> {
        let (least, value) = (self.integer(low, range.clone())?, self.integer(high, range)?);
        if value < least {
            let (value, least) = (value.into(), least.into());
            return Err(self.error(high, ContentProblem::BelowOther { value, least, because: low }));
        }
        Ok((least, value))
    }

    /// A name or another short text.
    pub(crate) fn text(&mut self, key: &'static str) -> Result<&'file str, ContentError> {
        let value = self.value(key)?;
        let text = value.as_str().ok_or_else(|| self.error(key, ContentProblem::Type("text")))?;
        let length = text.chars().count();
        if (1..=NAME_LENGTH_MAX).contains(&length) {
            Ok(text)
        } else {
            Err(self.error(key, ContentProblem::Length { length, min: 1, max: NAME_LENGTH_MAX }))
        }
    }

    /// What an entry is called in other files and in what is stored.
    pub(crate) fn key(&mut self, key: &'static str) -> Result<&'file str, ContentError> {
        let value = self.value(key)?;
        self.key_of(key, value)
    }

    /// A list of such keys.
    pub(crate) fn keys(
        &mut self,
        key: &'static str,
        count: RangeInclusive<usize>,
    ) -> Result<Vec<&'file str>, ContentError> {
        let list = self.list(key, "a list of keys", count)?;
        (1..).zip(list).map(|(number, value)| self.key_of(&format!("{key} {number}"), value)).collect()
    }

    fn key_of(&self, place: &str, value: &'file toml::Value) -> Result<&'file str, ContentError> {
        let text = value.as_str().ok_or_else(|| self.error(place, ContentProblem::Type("text")))?;
        let length = text.len();
        if !(1..=KEY_LENGTH_MAX).contains(&length) {
            return Err(self.error(place, ContentProblem::Length { length, min: 1, max: KEY_LENGTH_MAX }));
        }
        if !text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
            return Err(self.error(place, ContentProblem::Type("small letters, digits and hyphens")));
        }
        Ok(text)
    }

    /// The values of a list.
    fn list(
        &mut self,
        key: &'static str,
        what: &'static str,
        count: RangeInclusive<usize>,
    ) -> Result<&'file [toml::Value], ContentError> {
        let list = self.value(key)?.as_array().ok_or_else(|| self.error(key, ContentProblem::Type(what)))?;
        if !count.contains(&list.len()) {
            let problem = ContentProblem::Length { length: list.len(), min: *count.start(), max: *count.end() };
            return Err(self.error(key, problem));
        }
        Ok(list)
    }

    /// One of certain words.
    pub(crate) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<T, ContentError> {
        let word = self.text(key)?;
        all.iter().copied().find(|one| name(*one) == word).ok_or_else(|| {
            let allowed = all.iter().map(|one| name(*one)).collect::<Vec<_>>().join(", ");
            self.error(key, ContentProblem::Choice { value: word.to_owned(), allowed })
        })
    }

    /// A list of short texts.
    pub(crate) fn texts(
        &mut self,
        key: &'static str,
        count: RangeInclusive<usize>,
    ) -> Result<Vec<&'file str>, ContentError> {
        (1..)
            .zip(self.list(key, "a list of texts", count)?)
            .map(|(number, value)| {
                let place = || format!("{key} {number}");
                let text = value.as_str().ok_or_else(|| self.error(&place(), ContentProblem::Type("text")))?;
                match text.chars().count() {
                    1..=NAME_LENGTH_MAX => Ok(text),
                    length => {
                        Err(self.error(&place(), ContentProblem::Length { length, min: 1, max: NAME_LENGTH_MAX }))
                    }
                }
            })
            .collect()
    }

    /// A list of whole numbers.
    pub(crate) fn integers(&mut self, key: &'static str, length: usize) -> Result<Vec<i64>, ContentError> {
        let wrong = ContentProblem::Type("a list of whole numbers");
        let list = self.value(key)?.as_array().ok_or_else(|| self.error(key, wrong.clone()))?;
        if list.len() != length {
            return Err(self.error(key, ContentProblem::Length { length: list.len(), min: length, max: length }));
        }
        list.iter().map(|value| value.as_integer().ok_or_else(|| self.error(key, wrong.clone()))).collect()
    }

    /// A table of this entry, `[key]` in the file.
    pub(crate) fn section(&mut self, key: &'static str) -> Result<Entry<'file>, ContentError> {
        let table = self.value(key)?.as_table().ok_or_else(|| self.error(key, ContentProblem::Type("a table")))?;
        Ok(Entry { file: self.file, label: key.to_owned(), table, keys_known: Vec::new(), is_top: false })
    }

    /// The tables of a list, `[[key]]` in the file, in the order in which they stand there.
    pub(crate) fn entries(
        &mut self,
        key: &'static str,
        count: RangeInclusive<usize>,
    ) -> Result<Vec<Entry<'file>>, ContentError> {
        let wrong = ContentProblem::Type("a list of tables");
        let list = self.value(key)?.as_array().ok_or_else(|| self.error(key, wrong.clone()))?;
        if !count.contains(&list.len()) {
            let problem = ContentProblem::Length { length: list.len(), min: *count.start(), max: *count.end() };
            return Err(self.error(key, problem));
        }
        let mut entries = Vec::with_capacity(list.len());
        for (number, value) in (1..).zip(list) {
            let table = value.as_table().ok_or_else(|| self.error(key, wrong.clone()))?;
            let named = ["key", "name"].into_iter().find_map(|named| table.get(named).and_then(toml::Value::as_str));
            let label = match named {
                Some(name) => format!("{key} \"{name}\""),
                None => format!("{key} {number}"),
            };
            // A list within an entry: which entry it is has to be said, too.
            let label = if self.is_top { label } else { format!("{}, {label}", self.label) };
            entries.push(Entry { file: self.file, label, table, keys_known: Vec::new(), is_top: false });
        }
        Ok(entries)
    }

    /// Every key must have been read by now.
    pub(crate) fn finish(self) -> Result<(), ContentError> {
        let Some(key) = self.table.keys().find(|key| !self.keys_known.contains(&key.as_str())) else { return Ok(()) };
        let nearest = self.keys_known.iter().min_by_key(|known| strsim::damerau_levenshtein(known, key));
        let nearest = nearest.copied().unwrap_or_default().to_owned();
        Err(self.error(key, ContentProblem::Unknown(nearest)))
    }

    /// Whether the key stands here; for keys that may be left out.
    pub(crate) fn has(&mut self, key: &'static str) -> bool {
        self.table.contains_key(key)
    }

    fn value(&mut self, key: &'static str) -> Result<&'file toml::Value, ContentError> {
        self.keys_known.push(key);
        self.table.get(key).ok_or_else(|| self.error(key, ContentProblem::Missing))
    }
}
