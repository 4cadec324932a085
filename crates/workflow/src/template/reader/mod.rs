//! What an expression may consist of.
//!
//! Reads the tokens once, without recursion. Everything that the language does not have is refused here, so that the
//! evaluator only ever sees operators, literals, ten filters and one variable for each path.

mod operand;

use crate::{
    diagnostic::Code,
    limits,
    report::{listed, nearest, quoted},
    template::{
        expression::{Problem, invalid},
        filters::{FILTERS, NUMBER},
        path::Path,
        token::{Kind, Token},
    },
};

/// Operators whose operands are numbers, and nothing that the evaluator would repeat or join instead (section 2).
const ARITHMETIC: [&str; 7] = ["+", "-", "*", "/", "//", "%", "**"];

/// An expression that may be evaluated.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) paths: Vec<Path>,
    /// The expression with a variable in the place of each path.
    pub(super) program: String,
}

/// Reads the tokens of an expression.
///
/// # Errors
///
/// The first problem.
pub(super) fn read(text: &str, tokens: &[Token<'_>]) -> Result<Reading, Problem> {
    let mut reader = Reader {
        text,
        tokens,
        next: 0,
        before: Before::Operator,
        is_arithmetic: false,
        open: Vec::new(),
        operators: 0,
        paths: Vec::new(),
        program: String::new(),
    };
    reader.read()?;
    Ok(Reading {
        paths: reader.paths,
        program: reader.program,
    })
}

/// What a bracket encloses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bracket {
    Group,
    List,
    Map,
    /// The arguments of a filter.
    Arguments {
        of_default: bool,
    },
}

/// A bracket that is open.
#[derive(Debug, Clone, Copy)]
struct Open {
    bracket: Bracket,
    /// Whether what it is part of belongs to an arithmetic operator in front of it.
    is_arithmetic: bool,
}

impl Bracket {
    fn close(self) -> &'static str {
        match self {
            Self::Group | Self::Arguments { .. } => ")",
            Self::List => "]",
            Self::Map => "}",
        }
    }
}

/// What the token before was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The start, an operator, an opening bracket: a value must follow.
    Operator,
    /// A value.
    Value,
    /// A filter's name: arguments may follow.
    Filter { is_default: bool },
}

struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token<'a>],
    next: usize,
    before: Before,
    /// Whether the operand that is read belongs to an arithmetic operator in front of it.
    is_arithmetic: bool,
    open: Vec<Open>,
    operators: usize,
    paths: Vec<Path>,
    program: String,
}

impl<'a> Reader<'a> {
    fn read(&mut self) -> Result<(), Problem> {
        while let Some(token) = self.take() {
            match token.kind {
                Kind::Name => self.name(token)?,
                Kind::Number | Kind::Text => self.value(token.text, token.text)?,
                Kind::Symbol => self.symbol(token)?,
            }
        }
        if let Some(open) = self.open.last() {
            return Err(invalid(format!("a `{}` is missing", open.bracket.close())));
        }
        if self.before == Before::Operator {
            let what = if self.tokens.is_empty() {
                "the expression is empty"
            } else {
                "the expression is not complete"
            };
            return Err(invalid(what));
        }
        self.end_operand(false);
        Ok(())
    }

    fn peek(&self, ahead: usize) -> Option<&'a Token<'a>> {
        self.tokens.get(self.next + ahead)
    }

    fn take(&mut self) -> Option<&'a Token<'a>> {
        let token = self.peek(0)?;
        self.next += 1;
        Some(token)
    }

    fn emit(&mut self, text: &str) {
        self.program.push(' ');
        self.program.push_str(text);
    }

    /// Adds an operand to the program, for what the author wrote.
    fn value(&mut self, operand: &str, written: &str) -> Result<(), Problem> {
        if self.before != Before::Operator {
            let message = format!("an operator is missing before {}", quoted(written));
            return Err(invalid(message));
        }
        self.emit(operand);
        self.before = Before::Value;
        Ok(())
    }

    fn operator(&mut self, text: &str) -> Result<(), Problem> {
        self.operators += 1;
        if self.operators > limits::MAX_EXPRESSION_OPERATORS {
            let message = format!(
                "the expression has more than {} operators",
                limits::MAX_EXPRESSION_OPERATORS
            );
            return Err(Problem::new(Code::ExpressionTooComplex, message));
        }
        self.emit(text);
        self.before = Before::Operator;
        Ok(())
    }

    fn binary(&mut self, text: &str) -> Result<(), Problem> {
        if self.before == Before::Operator {
            return Err(invalid(format!("a value is missing before `{text}`")));
        }
        let is_arithmetic = ARITHMETIC.contains(&text);
        self.end_operand(is_arithmetic);
        self.is_arithmetic = is_arithmetic;
        self.operator(text)
    }

    /// Lets the evaluator check that an operand of an arithmetic operator is a number.
    fn end_operand(&mut self, before_arithmetic: bool) {
        if self.is_arithmetic || before_arithmetic {
            self.emit("|");
            self.emit(NUMBER);
        }
        self.is_arithmetic = false;
    }

    fn name(&mut self, token: &Token<'a>) -> Result<(), Problem> {
        match token.text {
            "and" | "or" => self.binary(token.text),
            "not" if self.before == Before::Operator => self.operator("not"),
            "not" | "in" | "is" | "if" | "else" => Err(invalid(format!(
                "`{}` is not an operator of expressions",
                token.text
            ))),
            "true" | "True" | "false" | "False" | "none" | "None" => self.value(token.text, token.text),
            "null" => self.value("none", "null"),
            _ => self.path(token),
        }
    }

    fn symbol(&mut self, token: &Token<'a>) -> Result<(), Problem> {
        match token.text {
            "(" | "[" | "{" => self.open(token.text),
            ")" | "]" | "}" => self.close(token.text),
            "," => self.separator(",", &[Bracket::List, Bracket::Map]),
            ":" => self.separator(":", &[Bracket::Map]),
            "." => self.member(),
            "|" => self.filter(),
            "=" => Err(invalid("`=` is not an operator of expressions").hint("equality is written `==`")),
            "-" if self.before == Before::Operator => {
                self.is_arithmetic = true;
                self.operator("-")
            }
            binary => self.binary(binary),
        }
    }

    fn open(&mut self, symbol: &str) -> Result<(), Problem> {
        let bracket = match (symbol, self.before) {
            ("(", Before::Filter { is_default }) => Bracket::Arguments {
                of_default: is_default,
            },
            ("(", Before::Value) => {
                return Err(invalid(
                    "expressions have no calls, only filters such as `| length`",
                ));
            }
            ("[", Before::Value | Before::Filter { .. }) => return self.subscript(),
            ("{", Before::Value | Before::Filter { .. }) => {
                return Err(invalid("an operator is missing before `{`"));
            }
            ("(", _) => Bracket::Group,
            ("[", _) => Bracket::List,
            _ => Bracket::Map,
        };
        if self.open.len() == limits::MAX_EXPRESSION_DEPTH {
            let message = format!(
                "brackets are nested more than {} deep",
                limits::MAX_EXPRESSION_DEPTH
            );
            return Err(Problem::new(Code::ExpressionTooComplex, message));
        }
        let is_arithmetic = std::mem::take(&mut self.is_arithmetic);
        self.open.push(Open {
            bracket,
            is_arithmetic,
        });
        self.emit(symbol);
        self.before = Before::Operator;
        Ok(())
    }

    fn close(&mut self, symbol: &str) -> Result<(), Problem> {
        let open = self.open.pop().filter(|open| open.bracket.close() == symbol);
        let open = open.ok_or_else(|| invalid(format!("`{symbol}` closes nothing")))?;
        self.end_operand(false);
        self.emit(symbol);
        self.is_arithmetic = open.is_arithmetic;
        self.before = Before::Value;
        Ok(())
    }

    fn separator(&mut self, symbol: &str, inside: &[Bracket]) -> Result<(), Problem> {
        let allowed = match self.open.last().map(|open| open.bracket) {
            Some(Bracket::Arguments { .. }) => symbol == ",",
            Some(bracket) => inside.contains(&bracket),
            None => false,
        };
        if !allowed {
            return Err(invalid(format!("`{symbol}` has no meaning here")));
        }
        self.binary(symbol)
    }

    fn filter(&mut self) -> Result<(), Problem> {
        if self.before == Before::Operator {
            return Err(invalid("a value is missing before `|`"));
        }
        self.operator("|")?;
        let name = match self.take() {
            Some(name) if FILTERS.contains(&name.text) => name,
            other => return Err(unknown_filter(other)),
        };
        self.emit(name.text);
        self.before = Before::Filter {
            is_default: name.text == "default",
        };
        Ok(())
    }

    /// `.name` behind a computed value.
    fn member(&mut self) -> Result<(), Problem> {
        if self.before != Before::Value {
            return Err(invalid("`.` must follow a value").hint("put what is filtered into parentheses"));
        }
        let name = self
            .take()
            .filter(|token| matches!(token.kind, Kind::Name | Kind::Number));
        let name = name.ok_or_else(|| invalid("a name is missing after `.`"))?;
        self.emit(".");
        self.emit(name.text);
        Ok(())
    }

    /// `[literal]` behind a computed value.
    fn subscript(&mut self) -> Result<(), Problem> {
        if self.before != Before::Value {
            return Err(invalid("`[` must follow a value").hint("put what is filtered into parentheses"));
        }
        let start = self.next;
        self.index()?;
        for token in &self.tokens[start - 1..self.next] {
            self.program.push(' ');
            self.program.push_str(token.text);
        }
        Ok(())
    }
}

fn unknown_filter(found: Option<&Token<'_>>) -> Problem {
    let filters = format!("filters are {}", listed(FILTERS));
    match found {
        Some(name) if name.kind == Kind::Name => {
            let mut comparisons = usize::MAX;
            let hint = match nearest(name.text, FILTERS, &mut comparisons) {
                Some(filter) => format!("did you mean `{filter}`? ({filters})"),
                None => filters,
            };
            invalid(format!("{} is not a filter", quoted(name.text))).hint(hint)
        }
        Some(second) if second.is_symbol("|") => {
            invalid("`||` is not an operator of expressions").hint("write `or`")
        }
        _ => invalid("`|` is followed by something that is no filter").hint(filters),
    }
}
