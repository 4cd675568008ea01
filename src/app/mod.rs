//! The composition root: from settings and the place where a command runs to the services that it needs.
