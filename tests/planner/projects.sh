#!/bin/sh
# SPDX-License-Identifier: MIT
# projects.sh FOLDER: the three small projects that the tasks of tasks.json are for: shop (TypeScript,
# both sides), tool (a C program), service (Python).
set -eu
cd "$1"
file() {
    mkdir -p "$(dirname "$1")"
    printf '%s\n' "$2" >"$1"
}
file shop/package.json '{"name": "shop", "dependencies": {"react": "18", "express": "4"}, "scripts": {"test": "vitest"}}'
for name in app orders products search cart; do
    file shop/src/server/$name.ts "export const $name = () => 1;"
done
file shop/src/server/routes/orders.ts 'export const orders = () => 1;'
for name in Cart ProductList Settings Menu Account; do
    file shop/src/client/$name.tsx "export const $name = () => null;"
done
file shop/src/client/shop.css 'body { margin: 0 }'
file shop/migrations/001_init.sql 'CREATE TABLE orders (id INTEGER);'
file shop/tests/orders.test.ts 'test("orders", () => {});'
file shop/Dockerfile 'FROM scratch'
file shop/README.md '# Shop'
file tool/Makefile 'test:; ./tests/run'
for name in main parser tokenizer list init config; do
    file tool/src/$name.c "int $name(void);"
done
file tool/tests/run '#!/bin/sh'
file tool/README.md '# Tool'
file service/pyproject.toml '[project]
name = "service"
dependencies = ["flask", "sqlalchemy"]'
for name in app queue scheduler importer upload auth; do
    file service/service/$name.py "def $name(): pass"
done
file service/service/handlers/jobs.py 'def jobs(): pass'
file service/service/workers/run.py 'def run(): pass'
file service/tests/test_queue.py 'def test_queue(): pass'
file service/README.md '# Service'
for project in shop tool service; do
    git -C $project init -q
done
