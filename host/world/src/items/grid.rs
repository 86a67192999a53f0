//! Places in a box: what fits where, and what lies over what.

use super::ItemProblem;

/// How many cells an item takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size {
    /// Cells across, from 1.
    pub width: u8,
    /// Cells down, from 1.
    pub height: u8,
}

/// A cell, counted from 0 at the upper left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// To the right.
    pub x: u8,
    /// Down.
    pub y: u8,
}

/// A box of cells and which of them are taken. It knows nothing of what lies there: who stores the items asks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    size: Size,
    /// A bit for each cell, row after row.
    taken: u128,
}

impl Grid {
    /// What a character carries.
    pub const INVENTORY: Size = Size { width: 10, height: 4 };
    /// A page of what an account keeps; each page is a grid of its own.
    pub const STASH: Size = Size { width: 10, height: 10 };
    /// How many pages that is.
    pub const STASH_PAGES: u32 = 4;
    /// What recipes are made in.
    pub const CUBE: Size = Size { width: 4, height: 4 };

    /// An empty box. No box has more than 128 cells: of a larger one the rows beyond do not exist.
    #[must_use]
    pub fn new(size: Size) -> Self {
        let rows = 128u8.checked_div(size.width).unwrap_or_default();
        Self { size: Size { width: size.width.min(128), height: size.height.min(rows) }, taken: 0 }
    }

    /// How large it is.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// How many cells are free.
    #[must_use]
    pub fn free_cells(&self) -> u32 {
        u32::from(self.size.width) * u32::from(self.size.height) - self.taken.count_ones()
    }

    /// Whether something of this size may be laid there.
    ///
    /// # Errors
    /// [`ItemProblem::OutsideGrid`] and [`ItemProblem::PlaceTaken`].
    pub fn check(&self, at: Cell, size: Size) -> Result<(), ItemProblem> {
        let cells = self.cells(at, size).ok_or(ItemProblem::OutsideGrid)?;
        if self.taken & cells == 0 { Ok(()) } else { Err(ItemProblem::PlaceTaken) }
    }

    /// Lays something there.
    ///
    /// # Errors
    /// As [`Grid::check`]; then nothing has changed.
    pub fn put(&mut self, at: Cell, size: Size) -> Result<(), ItemProblem> {
        self.check(at, size)?;
        self.taken |= self.cells(at, size).unwrap_or_default();
        Ok(())
    }

    /// Takes something away that was laid there.
    ///
    /// # Errors
    /// [`ItemProblem::OutsideGrid`] when nothing of this size can have lain there; then nothing has changed.
    pub fn take(&mut self, at: Cell, size: Size) -> Result<(), ItemProblem> {
        let cells = self.cells(at, size).ok_or(ItemProblem::OutsideGrid)?;
        if self.taken & cells != cells {
            return Err(ItemProblem::OutsideGrid);
        }
        self.taken &= !cells;
        Ok(())
    }

    /// The first place where something of this size may lie, row after row from the upper left.
    #[must_use]
    pub fn first_free(&self, size: Size) -> Option<Cell> {
        let cells = (0..self.size.height).flat_map(|y| (0..self.size.width).map(move |x| Cell { x, y }));
        cells.into_iter().find(|at| self.check(*at, size).is_ok())
    }

    /// Lays something at the first place where it fits.
    ///
    /// # Errors
    /// [`ItemProblem::NoRoom`] when there is none; then nothing has changed.
    pub fn put_anywhere(&mut self, size: Size) -> Result<Cell, ItemProblem> {
        let at = self.first_free(size).ok_or(ItemProblem::NoRoom)?;
        self.put(at, size)?;
        Ok(at)
    }

    /// The bits of the cells; `None` when one of them is outside, or there are none.
    fn cells(&self, at: Cell, size: Size) -> Option<u128> {
        let inside =
            |from: u8, length: u8, limit: u8| length > 0 && u16::from(from) + u16::from(length) <= limit.into();
        if !inside(at.x, size.width, self.size.width) || !inside(at.y, size.height, self.size.height) {
            return None;
        }
        let row = u128::MAX.checked_shr(128 - u32::from(size.width))?;
        let first = u32::from(at.y) * u32::from(self.size.width) + u32::from(at.x);
        Some(
            (0..u32::from(size.height))
                .fold(0, |cells, down| cells | row << (first + down * u32::from(self.size.width))),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Cell, Grid, Size};
    use crate::items::ItemProblem;

    fn any_size() -> impl Strategy<Value = Size> {
        (0..12u8, 0..12u8).prop_map(|(width, height)| Size { width, height })
    }

    #[test]
    fn places_outside_are_refused_however_large_the_numbers() {
        let mut grid = Grid::new(Grid::INVENTORY);
        let sword = Size { width: 1, height: 3 };
        for (x, y) in [(10, 0), (0, 2), (255, 255), (9, 2), (0, 255)] {
            assert_eq!(grid.put(Cell { x, y }, sword), Err(ItemProblem::OutsideGrid), "{x} {y}");
        }
        let none = Size { width: 0, height: 1 };
        assert_eq!(grid.put(Cell { x: 0, y: 0 }, none), Err(ItemProblem::OutsideGrid));
        assert_eq!(grid.put(Cell { x: 9, y: 1 }, sword), Ok(()));
        assert_eq!(grid.put(Cell { x: 9, y: 3 }, Size { width: 1, height: 1 }), Err(ItemProblem::PlaceTaken));
        assert_eq!(grid.free_cells(), 37);
        let whole = Size { width: 128, height: 1 };
        assert_eq!(Grid::new(whole).put(Cell { x: 0, y: 0 }, whole), Ok(()));
        assert_eq!(Grid::new(Size { width: 255, height: 255 }).size(), Size { width: 128, height: 0 });
        assert_eq!(Grid::new(Size { width: 0, height: 9 }).free_cells(), 0);
    }

    proptest! {
        /// Against the plainest model: a list of rectangles of which no two have a cell in common.
        #[test]
        fn it_takes_what_a_list_of_rectangles_takes(
            acts in prop::collection::vec((any::<bool>(), 0..12u8, 0..12u8, any_size()), 0..60),
            stash in any::<bool>(),
        ) {
            let whole = if stash { Grid::STASH } else { Grid::INVENTORY };
            let mut grid = Grid::new(whole);
            let mut lies: Vec<(Cell, Size)> = Vec::new();
            let covers = |(at, size): &(Cell, Size), x: u8, y: u8| {
                (at.x..at.x.saturating_add(size.width)).contains(&x)
                    && (at.y..at.y.saturating_add(size.height)).contains(&y)
            };
            for (lay, x, y, size) in acts {
                let at = Cell { x, y };
                if lay {
                    let inside = size.width > 0 && size.height > 0
                        && x + size.width <= whole.width && y + size.height <= whole.height;
                    let free = (x..x + size.width)
                        .all(|x| (y..y + size.height).all(|y| !lies.iter().any(|one| covers(one, x, y))));
                    let answer = grid.put(at, size);
                    prop_assert_eq!(answer.is_ok(), inside && free);
                    if answer.is_ok() {
                        lies.push((at, size));
                    }
                } else if let Some((at, size)) = lies.pop() {
                    prop_assert_eq!(grid.take(at, size), Ok(()));
                    prop_assert!(grid.take(at, size).is_err());
                }
                if let Some(found) = grid.first_free(size) {
                    let mut other = grid;
                    prop_assert_eq!(other.put(found, size), Ok(()));
                }
            }
            let taken: u32 = lies.iter().map(|(_, size)| u32::from(size.width) * u32::from(size.height)).sum();
            prop_assert_eq!(grid.free_cells() + taken, u32::from(whole.width) * u32::from(whole.height));
        }
    }
}
