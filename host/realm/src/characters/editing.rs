//! What a player changes on a character outside games: its profile, and points that are spent.

use std::{collections::BTreeMap, sync::Arc};

use realm_world::{Attributes, Content};

use super::{
    Characters, CharactersError, Details, Profile, Versions,
    details::{for_change, store_change},
};
use crate::{
    once::{self, Answered, Once},
    types::{AccountId, CharacterId},
};

/// Points to spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Points {
    /// To add to each attribute.
    pub attributes: Attributes,
    /// To add to skills, by name.
    pub skills: BTreeMap<String, u32>,
}

/// Most points that one request spends on one thing; more than there are.
const POINTS_MAX: u32 = 1_000;

impl Characters {
    /// Puts a profile in the place of the one that there is.
    ///
    /// # Errors
    /// When the profile breaks a rule, the account has none of this key, the character is in a game, or its version is another.
    pub async fn set_profile(
        &self,
        account: AccountId,
        id: CharacterId,
        versions: Versions,
        profile: Profile,
    ) -> Result<Details, CharactersError> {
        profile.check()?;
        let realm = Arc::clone(&self.realm);
        self.storage
            .write(move |connection| {
                Box::pin(async move {
                    let found = for_change(connection, &realm, Some(account), id, &versions).await?;
                    let mut changed = Details { profile, ..found };
                    store_change(connection, &mut changed).await?;
                    Ok(changed)
                })
            })
            .await
    }

    /// Spends points on attributes and skills, as far as the rules of the world give them; all or nothing. The anti-cheat rule sees what
    /// comes of it first.
    ///
    /// # Errors
    /// When there are not as many points, a skill is none of the class's or is not known yet, the rule refuses what comes of it, or as
    /// [`Self::set_profile`].
    pub async fn spend(
        &self,
        account: AccountId,
        id: CharacterId,
        versions: Versions,
        points: &Points,
        content: &Content,
        once: Option<Once<Details>>,
    ) -> Result<Answered<Details>, CharactersError> {
        if let Some(once) = &once
            && let Some(kept) = once.before::<CharactersError>(&self.storage).await?
        {
            return Ok(Answered::Before(kept));
        }
        let found = self.details(account, id).await?;
        if !versions.hold(found.character.version) {
            return Err(CharactersError::Stale);
        }
        let mut changed = spent(found, points, content)?;
        self.judge(id, &changed.character.sheet, changed.skill_levels(), "given points").await?;
        let realm = Arc::clone(&self.realm);
        let read = Versions::Of(vec![changed.character.version]);
        once::write(&self.storage, once, move |connection| {
            Box::pin(async move {
                for_change(connection, &realm, Some(account), id, &read).await?;
                store_change(connection, &mut changed).await?;
                Ok(changed)
            })
        })
        .await
    }
}

/// The character with the points spent.
fn spent(mut details: Details, points: &Points, content: &Content) -> Result<Details, CharactersError> {
    let refused = |sentence: String| Err(CharactersError::Points(sentence));
    let given = points.attributes;
    let each = [given.strength, given.dexterity, given.vitality, given.energy];
    let wanted: u64 = each.into_iter().chain(points.skills.values().copied()).map(u64::from).sum();
    if wanted == 0 {
        return refused("No points are spent; say how many for which attribute or skill.".to_owned());
    }
    if each.into_iter().chain(points.skills.values().copied()).any(|one| one > POINTS_MAX) {
        return refused(format!("At most {POINTS_MAX} points are spent on one thing at once."));
    }
    let sheet = &mut details.character.sheet;
    let free = sheet.attribute_points_free();
    if given.sum() > free {
        return refused(format!("There are {free} attribute points left; spend as many at most."));
    }
    let old = sheet.attributes;
    sheet.attributes = Attributes {
        strength: old.strength + given.strength,
        dexterity: old.dexterity + given.dexterity,
        vitality: old.vitality + given.vitality,
        energy: old.energy + given.energy,
    };
    let (class, level) = (sheet.class, sheet.level);
    let free = details.skill_points_free();
    let wanted: u64 = points.skills.values().copied().map(u64::from).sum();
    if wanted > free {
        return refused(format!("There are {free} skill points left; spend as many at most."));
    }
    for (name, more) in points.skills.iter().filter(|(_, more)| **more > 0) {
        let Some(skill) = content.skills(class).find(|skill| skill.name == name) else {
            let names: Vec<&str> = content.skills(class).map(|skill| skill.name).collect();
            let class = class.name();
            return refused(format!("The class {class} has no such skill; its skills are {}.", names.join(", ")));
        };
        if level < skill.level {
            return refused(format!("{name} is known from level {} on.", skill.level));
        }
        *details.skills.entry(name.clone()).or_default() += more;
    }
    Ok(details)
}

#[cfg(test)]
mod tests {
    use realm_world::{Class, Sheet};

    use super::*;
    use crate::{characters::Character, types::CharacterName};

    const NONE: Attributes = Attributes { strength: 0, dexterity: 0, vitality: 0, energy: 0 };

    fn druid(level: u32) -> Details {
        let character = Character {
            id: CharacterId::from_raw(1),
            account: AccountId::from_raw(2),
            name: CharacterName::new("Ash").unwrap(),
            sheet: Sheet { level, ..Sheet::newborn(Class::Druid, false) },
            created_ms: 0,
            played_last_ms: None,
            play_time_ms: 0,
            version: 1,
        };
        Details::newborn(character, "main".into())
    }

    fn sentence(outcome: Result<Details, CharactersError>) -> String {
        match outcome {
            Err(CharactersError::Points(sentence)) => sentence,
            other => panic!("it should be refused: {other:?}"),
        }
    }

    #[test]
    fn points_are_spent_as_far_as_levels_give_them() {
        let content = Content::builtin();
        let attributes = Attributes { vitality: 8, strength: 7, ..NONE };
        let points = Points { attributes, skills: BTreeMap::new() };
        let done = spent(druid(4), &points, &content).unwrap();
        assert_eq!((done.character.sheet.attributes.vitality, done.character.sheet.attributes.strength), (28, 27));
        assert!(sentence(spent(done, &points, &content)).contains("0 attribute points left"));
        assert!(sentence(spent(druid(3), &points, &content)).contains("10 attribute points left"));
        let nothing = Points { attributes: NONE, skills: BTreeMap::new() };
        assert!(sentence(spent(druid(4), &nothing, &content)).contains("No points"));
        let all = Attributes { strength: u32::MAX, dexterity: u32::MAX, vitality: u32::MAX, energy: u32::MAX };
        let too_much = Points { attributes: all, skills: BTreeMap::new() };
        assert!(sentence(spent(druid(99), &too_much, &content)).contains("At most 1000"));
    }

    #[test]
    fn skills_are_the_classs_own_and_known() {
        let content = Content::builtin();
        let skills: Vec<_> = content.skills(Class::Druid).map(|skill| (skill.name.to_owned(), skill.level)).collect();
        let learn = |name: &str, more: u32| Points { attributes: NONE, skills: [(name.to_owned(), more)].into() };
        let (first, late) = (&skills[0].0, skills.iter().max_by_key(|(_, level)| *level).unwrap());
        let done = spent(druid(4), &learn(first, 2), &content).unwrap();
        assert_eq!((done.skills[first], done.skill_points_free()), (2, 1));
        assert!(sentence(spent(done.clone(), &learn(first, 2), &content)).contains("1 skill points left"));
        assert_eq!(spent(done, &learn(first, 1), &content).unwrap().skills[first], 3);
        assert!(late.1 > 2, "a skill is known late");
        assert!(sentence(spent(druid(2), &learn(&late.0, 1), &content)).contains("is known from level"));
        let foreign = content.skills(Class::Amazon).next().unwrap().name.to_owned();
        assert!(sentence(spent(druid(4), &learn(&foreign, 1), &content)).contains("has no such skill"));
    }
}
