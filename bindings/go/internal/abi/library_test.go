package abi

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestALibraryThatIsNotThereIsReportedWithPlaceAndCure(t *testing.T) {
	t.Setenv(Variable, "/nowhere/libremotemedia.so")
	err := load()
	if err == nil || !strings.Contains(err.Error(), "/nowhere/libremotemedia.so") || !strings.Contains(err.Error(), "set "+Variable) {
		t.Fatal(err)
	}
}

func TestAnotherLibraryIsRefused(t *testing.T) {
	for _, path := range []string{"libm.so.6", "libSystem.B.dylib"} {
		handle, err := open(path)
		if err != nil {
			continue
		}
		if err := bind(handle, path); err == nil || !strings.Contains(err.Error(), path+" is not libremotemedia") {
			t.Fatal(err)
		}
		return
	}
	t.Skip("this system has none of the libraries that the test knows")
}

func TestTheVariableComesFirstAndThenTheFolderOfTheProgram(t *testing.T) {
	t.Setenv(Variable, "/chosen/file")
	if found := candidates(); len(found) != 1 || found[0] != "/chosen/file" {
		t.Fatal(found)
	}
	t.Setenv(Variable, "")
	program, err := os.Executable()
	if err != nil {
		t.Skip(err)
	}
	name := candidates()[len(candidates())-1]
	beside := filepath.Join(filepath.Dir(program), name)
	if err := os.WriteFile(beside, nil, 0o600); err != nil {
		t.Skip(err)
	}
	defer os.Remove(beside)
	if found := candidates()[0]; found != beside {
		t.Fatal(found)
	}
}
