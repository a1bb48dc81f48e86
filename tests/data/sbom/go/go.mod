module example.org/sample

go 1.22

require (
	github.com/BurntSushi/toml v1.3.2
	github.com/stretchr/testify v1.8.1
)

require (
	github.com/davecgh/go-spew v1.1.1 // indirect
	github.com/pmezard/go-difflib v1.0.0 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
)

replace github.com/pmezard/go-difflib => github.com/example/go-difflib v1.0.1
