//! One expression: the paths it names, and the program that computes the rest.
//!
//! Paths are followed by this crate itself, and the evaluator sees a variable in the place of each: what is missing
//! is then known by its name, and nothing is converted that no operator needs.

use crate::{
    diagnostic::Code,
    limits,
    template::{
        engine::Program,
        path::Path,
        reader::{Reading, read},
        token::tokens,
    },
};

/// Why an expression is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Problem {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A problem with how an expression is written.
pub(super) fn invalid(message: impl Into<String>) -> Problem {
    Problem::new(Code::InvalidTemplate, message)
}

/// A checked expression.
#[derive(Debug, Clone)]
pub(super) enum Expression {
    /// A path and nothing else.
    Path(Path),
    /// Anything else: a program over the values of the paths, in their order.
    Computed {
        written: String,
        paths: Vec<Path>,
        program: Program,
    },
}

impl Expression {
    /// Checks and compiles what stands between `{{` and `}}`.
    ///
    /// # Errors
    ///
    /// The first problem.
    pub(super) fn compile(text: &str) -> Result<Self, Problem> {
        if text.len() > limits::MAX_EXPRESSION_BYTES {
            let message = format!(
                "the expression has more than {} bytes",
                limits::MAX_EXPRESSION_BYTES
            );
            return Err(Problem::new(Code::ExpressionTooLong, message));
        }
        let tokens = tokens(text)?;
        let Reading { mut paths, program } = read(text, &tokens)?;
        if program.trim() == variable(0)
            && let Some(path) = paths.pop()
        {
            return Ok(Self::Path(path));
        }
        let program = Program::compile(program).map_err(invalid)?;
        Ok(Self::Computed {
            written: text.to_owned(),
            paths,
            program,
        })
    }

    /// As the author wrote it.
    pub(super) fn written(&self) -> &str {
        match self {
            Self::Path(path) => &path.written,
            Self::Computed { written, .. } => written,
        }
    }

    /// The paths that the expression names.
    pub(super) fn paths(&self) -> &[Path] {
        match self {
            Self::Path(path) => std::slice::from_ref(path),
            Self::Computed { paths, .. } => paths,
        }
    }
}

/// The name that a path's value has in the program.
pub(super) fn variable(position: usize) -> String {
    format!("p{position}")
}
