//! Sockets, and finding out what an item is.

use super::{Catalogue, Item, ItemProblem, Kind, Use};

impl Catalogue {
    /// Sets a gem into the next free socket. The gem is used up: who keeps it deletes it.
    ///
    /// # Errors
    /// [`ItemProblem::NotAGem`] and [`ItemProblem::NoSocket`]; then nothing has changed.
    pub fn set_gem(&self, item: &mut Item, gem: &Item) -> Result<(), ItemProblem> {
        self.base_of(item)?;
        if self.base_of(gem)?.kind != Kind::Gem {
            return Err(ItemProblem::NotAGem);
        }
        if item.gems.len() >= item.sockets as usize {
            return Err(ItemProblem::NoSocket);
        }
        item.gems.push(gem.base.clone());
        Ok(())
    }

    /// Finds out what an item is: from now on its properties are shown, and count.
    ///
    /// # Errors
    /// [`ItemProblem::NothingToIdentify`] when it is known already.
    pub fn identify(&self, item: &mut Item) -> Result<(), ItemProblem> {
        self.base_of(item)?;
        if item.identified {
            return Err(ItemProblem::NothingToIdentify);
        }
        item.identified = true;
        Ok(())
    }

    /// Reads a scroll that finds out what an item is; one of its stack is used up. A stack of 0 is none: who keeps it deletes it.
    ///
    /// # Errors
    /// [`ItemProblem::WrongScroll`] when it is none of those, and as [`Catalogue::identify`]; then nothing has changed.
    pub fn read_over(&self, scroll: &mut Item, item: &mut Item) -> Result<(), ItemProblem> {
        if self.base_of(scroll)?.does != Some(Use::Identify) {
            return Err(ItemProblem::WrongScroll);
        }
        let count = scroll.count.checked_sub(1).ok_or(ItemProblem::WrongCount { wanted: 1, has: 0 })?;
        self.identify(item)?;
        scroll.count = count;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Class,
        dice::Dice,
        items::{Item, ItemProblem, Kind, Quality, Worn, testing},
    };

    #[test]
    fn gems_fill_sockets_one_by_one_and_give_by_what_they_sit_in() {
        let content = testing::content();
        let items = content.items();
        let gem_base = items.bases().iter().find(|base| base.kind == Kind::Gem).unwrap();
        let gem = items.plain(&gem_base.key, 1).unwrap();
        let setting = gem_base.setting.as_ref().unwrap();
        let sheet = testing::able(Class::Paladin);
        for (kind, gift) in
            [(Kind::Sword, setting.weapon), (Kind::Helm, setting.armour), (Kind::Shield, setting.shield)]
        {
            let base = items.bases().iter().find(|base| base.kind == kind && base.sockets >= 2 && base.class.is_none());
            let mut item = items.plain(&base.unwrap().key, 1).unwrap();
            assert_eq!(items.set_gem(&mut item, &gem), Err(ItemProblem::NoSocket));
            item.sockets = 2;
            let ring = items.plain("ring", 1).unwrap();
            assert_eq!(items.set_gem(&mut item, &ring), Err(ItemProblem::NotAGem));
            let given = |item: &Item| {
                let mut worn = Worn::default();
                worn.put_on(items, &sheet, kind.slots()[0], item).unwrap();
                items.bonuses(&sheet, &worn).get(gift.property)
            };
            let before = given(&item);
            items.set_gem(&mut item, &gem).unwrap();
            assert_eq!(given(&item) - before, gift.value);
            items.set_gem(&mut item, &gem).unwrap();
            assert_eq!(given(&item) - before, 2 * gift.value);
            assert_eq!(items.set_gem(&mut item, &gem), Err(ItemProblem::NoSocket));
            assert_eq!(items.check(&item), Ok(()));
        }
    }

    #[test]
    fn what_is_found_out_is_shown() {
        let content = testing::content();
        let items = content.items();
        let mut magic = items.make("ring", Quality::Magic, 30, &mut Dice::new(3, 3)).unwrap();
        let base = items.base("ring").unwrap();
        assert_eq!((magic.identified, items.shown_name(&magic).unwrap()), (false, base.name.clone()));
        let mut wrong = items.plain("road-scroll", 1).unwrap();
        assert_eq!(items.read_over(&mut wrong, &mut magic), Err(ItemProblem::WrongScroll));
        let mut scroll = Item { count: 2, ..items.plain("naming-scroll", 1).unwrap() };
        items.read_over(&mut scroll, &mut magic).unwrap();
        assert_eq!(items.read_over(&mut scroll, &mut magic), Err(ItemProblem::NothingToIdentify));
        assert_eq!(scroll.count, 1);
        let name = items.shown_name(&magic).unwrap();
        assert!(name != base.name && name.contains(&base.name), "{name}");
        assert_eq!(items.identify(&mut magic), Err(ItemProblem::NothingToIdentify));
        let mut rare = items.make("ring", Quality::Rare, 90, &mut Dice::new(3, 3)).unwrap();
        items.identify(&mut rare).unwrap();
        assert_eq!(items.shown_name(&rare).unwrap(), rare.name);
    }
}
