//! The functions of a source file and their lengths.

use proc_macro2::Span;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, ImplItemFn, ItemFn, ItemMod, Signature, TraitItemFn};

/// A function with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// The line of its `fn`.
    pub(crate) line: usize,
    /// From `fn` to the closing brace; attributes and documentation are not counted.
    pub(crate) line_count: usize,
    /// Whether it is a test or belongs to a module of tests.
    pub(crate) is_test: bool,
}

/// All functions with bodies, those in other functions and in `impl` blocks too; what macros make is not seen.
pub(crate) fn functions(source: &str) -> syn::Result<Vec<Function>> {
    let mut collector = Collector::default();
    collector.visit_file(&syn::parse_file(source)?);
    Ok(collector.functions)
}

#[derive(Default)]
struct Collector {
    functions: Vec<Function>,
    in_tests: bool,
}

impl Collector {
    fn add(&mut self, attributes: &[Attribute], signature: &Signature, body: &Block) {
        let first = line(signature.fn_token.span);
        self.functions.push(Function {
            name: signature.ident.to_string(),
            line: first,
            line_count: line(body.brace_token.span.close()) - first + 1,
            is_test: self.in_tests
                || attributes
                    .iter()
                    .any(|attribute| attribute.path().is_ident("test")),
        });
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.add(&function.attrs, &function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.add(&function.attrs, &function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.add(&function.attrs, &function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let outside = self.in_tests;
        self.in_tests |= module.attrs.iter().any(is_cfg_test);
        visit::visit_item_mod(self, module);
        self.in_tests = outside;
    }
}

fn is_cfg_test(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute
            .parse_args::<syn::Path>()
            .is_ok_and(|condition| condition.is_ident("test"))
}

fn line(span: Span) -> usize {
    span.start().line
}

#[test]
fn functions_are_measured_from_their_fn_to_their_last_brace() {
    let source = "\
        /// Documented.\n\
        #[must_use]\n\
        pub fn first() -> u8 {\n    1\n}\n\
        trait T {\n    fn no_body();\n    fn with_body() {}\n}\n\
        impl T for u8 {\n    fn no_body() {\n        fn inner() {\n        }\n    }\n}\n\
        #[cfg(test)]\nmod tests {\n    fn helper() {}\n}\n\
        #[test]\nfn case() {}\n";
    let found = functions(source).expect("valid source");
    let found = found
        .iter()
        .map(|f| (f.name.as_str(), f.line, f.line_count, f.is_test))
        .collect::<Vec<_>>();
    let expected = [
        ("first", 3, 3, false),
        ("with_body", 8, 1, false),
        ("no_body", 11, 4, false),
        ("inner", 12, 2, false),
        ("helper", 18, 1, true),
        ("case", 21, 1, true),
    ];
    assert_eq!(found, expected);
}
