//! `sub_recipe:`: another recipe in the place of a step.

use indexmap::IndexMap;

use super::keys::Fields;
use super::{Lowering, Node};
use crate::recipe::expr::Expr;
use crate::recipe::model::{Arg, StepKind, SubCall};

impl Lowering<'_> {
    pub(super) fn sub_call(&mut self, node: &Node<'_>, fields: &Fields<'_>) -> Option<StepKind> {
        let recipe = self.text(node)?;
        let is_name = !recipe.is_empty()
            && recipe.chars().all(|other| other.is_ascii_alphanumeric() || matches!(other, '_' | '-' | '.'));
        if !is_name {
            let message = format!("`{recipe}` is no name of a recipe");
            let help = "write the name of a file in `recipes/sub-recipes/` without `.yaml`".to_owned();
            self.error("bad-value", &node.path, message, "", Some(help));
            return None;
        }
        let gate = match fields.get("gate") {
            Some(node) => Some(self.gate(&node)?),
            None => None,
        };
        let inputs = self.args_of(fields, "inputs");
        let outputs = self.args_of(fields, "outputs");
        for name in outputs.keys() {
            self.check_name("a variable", name, &fields.path.key("outputs").key(name));
        }
        Some(StepKind::Call(Box::new(SubCall { recipe, gate, inputs, outputs })))
    }

    /// `gate:`: the name of an ingredient, or an expression.
    fn gate(&mut self, node: &Node<'_>) -> Option<Expr> {
        let text = self.text(node)?;
        if self.ingredient_names.contains(&text) {
            return Expr::made(&format!("inputs.{text} | flag"), self.mode(), &text).ok();
        }
        self.expression(node, &text)
    }

    /// A mapping of arguments.
    pub(super) fn args_of(&mut self, fields: &Fields<'_>, key: &str) -> IndexMap<String, Arg> {
        let entries = fields.get(key).map(|node| self.entries(&node)).unwrap_or_default();
        entries.into_iter().filter_map(|(name, node)| Some((name, self.arg(&node)?))).collect()
    }
}
