//! What views are made of: rows under a cursor, tables, rules with a title, sparklines, the lines of
//! head and foot.

mod chrome;
mod list;
mod page;
mod spark;
mod table;

pub(crate) use chrome::{Chrome, SMALLEST, foot, hints, rule, rule_keys, rule_titled, small, tabs};
pub(crate) use list::List;
pub(crate) use page::{Page, Passage};
pub(crate) use spark::spark;
pub(crate) use table::{Align, Cell, Column, Table};
