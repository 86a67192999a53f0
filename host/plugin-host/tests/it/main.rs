//! Loads and calls small components, most of them hostile.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod components;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod load;
