"""Programs that use the package for hours and prove that nothing is lost, hangs or leaks; tests run each briefly."""
