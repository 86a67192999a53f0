//! From sources to a component: what `cargo xtask plugins` and `realm plugin` share.
//!
//! [`template`] makes a new package, [`rust`], [`javascript`] and, for every other toolchain, [`foreign`] build one, [`component`] turns a core module into a component and
//! reads what a component says about itself, [`fit`] compares a component with the contract, [`page`] documents a hook. Nothing here runs a plugin.

mod carried;
pub mod component;
pub mod contract;
pub mod fit;
pub mod foreign;
pub mod javascript;
pub mod page;
pub mod process;
pub mod rust;
pub mod template;
pub mod toolchain;
pub mod typescript;
