"""Where does one value come from? The terms of any output or gradient of a trace, and their sum."""
