//! Columns that line up.

/// Lines of cells. Each column is as wide as its widest cell; the last one is left as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

#[derive(Clone, Debug)]
struct Cell {
    shown: String,
    width: usize,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a line.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        let cell = |shown: String| Cell { width: width(&shown), shown };
        self.rows.push(cells.into_iter().map(cell).collect());
    }

    /// The lines, each after `indent` spaces.
    pub(crate) fn lines(&self, indent: usize) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width).max();
        let widths: Vec<usize> = (0..columns).map(|column| widest(column).unwrap_or(0)).collect();
        let mut lines = String::new();
        for row in &self.rows {
            let mut line = " ".repeat(indent);
            for (column, cell) in row.iter().enumerate() {
                line.push_str(&cell.shown);
                if column + 1 < row.len() {
                    line.push_str(&" ".repeat(widths[column] - cell.width + 2));
                }
            }
            lines.push_str(line.trim_end());
            lines.push('\n');
        }
        lines
    }
}

/// How many columns of a terminal a text takes, colours aside.
fn width(text: &str) -> usize {
    let mut width = 0;
    let mut is_code = false;
    for c in text.chars() {
        match c {
            '\x1b' => is_code = true,
            'm' if is_code => is_code = false,
            _ if is_code => {}
            _ => width += 1,
        }
    }
    width
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paint::Paint;

    #[test]
    fn columns_line_up_also_where_they_are_coloured() {
        let mut table = Table::new();
        table.row([Paint::new(true).good("ok"), "one".to_owned(), "x".to_owned()]);
        table.row(["failed".to_owned(), "a".to_owned(), String::new()]);
        assert_eq!(table.lines(2), "  \u{1b}[32mok\u{1b}[0m      one  x\n  failed  a\n");
    }
}
