//! A picture of the console as plain text.

use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr;

/// What a terminal would show of the picture, row by row, without blanks at the ends of lines.
pub(crate) fn plain(picture: &Buffer) -> String {
    let area = picture.area();
    let mut text = String::new();
    for y in area.top()..area.bottom() {
        let mut line = String::new();
        let mut x = area.left();
        while x < area.right() {
            let symbol = picture[(x, y)].symbol();
            line.push_str(symbol);
            // What is wide covers the cells after it.
            x += u16::try_from(symbol.width()).unwrap_or(1).max(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
