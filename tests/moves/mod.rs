//! Production moves: the runbooks as an operator runs them, on good days and bad ones.

mod there_and_back;
