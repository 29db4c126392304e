import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { renderBashCompletion } from '../../../cli/manual/bash-completion.ts'
import { renderFishCompletion } from '../../../cli/manual/fish-completion.ts'
import { listPlaces } from '../../../cli/manual/places.ts'
import { renderZshCompletion } from '../../../cli/manual/zsh-completion.ts'
import type { Command } from '../../../kit/command-line.ts'
import { openPty } from '../../../kit/pty.ts'
import { eventually } from '../../kit/eventually.ts'
import { sample, whole } from './program.ts'

const execute = promisify(execFile)
const kinds = ['pods', 'services']
const renderers = { bash: renderBashCompletion, zsh: renderZshCompletion, fish: renderFishCompletion }
type Shell = keyof typeof renderers

/** What each shell must propose for a command line that ends where the cursor is. The stand-in program answers live questions with what it was asked. */
const lines: Record<string, string[]> = {
  'flotilla ': ['config', 'get', 'import', 'logs'],
  'flotilla g': ['get'],
  'flotilla config ': ['use-context', 'view'],
  'flotilla config v': ['view'],
  'flotilla get p': ['pods'],
  'flotilla get --w': ['--wait', '--watch'],
  'flotilla get -o ': ['json', 'wide'],
  'flotilla get -wo j': ['json'],
  'flotilla get pods -o w': ['wide'],
  'flotilla get -n ': ['live-namespaces'],
  'flotilla get pods ': ['live-resources'],
  'flotilla get -o wide ': ['pods', 'services'],
  'flotilla get -o wide pods live-': ['live-resources'],
  'flotilla get pods/': ['pods/live'],
  'flotilla logs ': ['live-pods'],
  'flotilla logs web -c ': ['live-containers'],
  'flotilla config use-context ': ['live-contexts'],
  'flotilla config use ': ['live-contexts'],
  'flotilla config --dir /x use ': ['live-contexts'],
  'flotilla config view x': [],
  'flotilla config secret': [],
}

for (const shell of Object.keys(renderers) as Shell[]) {
  test(`${shell} proposes what may stand there`, async t => {
    const place = await install(t, shell, sample)
    if (!place) return
    const answers = await ask[shell](place, Object.keys(lines))
    for (const [line, expected] of Object.entries(lines)) t.deepEqual(answers[line]?.sort(), expected, `[${line}]`)
  })

  test(`${shell} reads the completion of the whole program`, async t => {
    const place = await install(t, shell, whole)
    if (!place) return
    const asked = [
      'flotilla rollout ',
      'flotilla create clusterrolebinding --cl',
      'flotilla delete --wait=t',
      'flotilla broker render ',
    ]
    const answers = await ask[shell](place, asked)
    t.deepEqual(answers[asked[0]!], ['status'])
    t.deepEqual(answers[asked[1]!], ['--clusterrole'])
    t.deepEqual(
      answers[asked[2]!]?.map(answer => answer.replace('--wait=', '')),
      ['true'],
    )
    t.deepEqual(answers[asked[3]!], ['mosquitto'])
  })
}

test('in bash a word with a colon is completed after it, and a file where a file belongs', async t => {
  const place = await install(t, 'bash', sample)
  if (!place) return
  await writeFile(join(place.folder, 'manifest.yaml'), '')
  const terminal = openPty(['bash', '--norc', '--noprofile', '-i'], {
    cwd: place.folder,
    env: { ...place.env, PS1: '> ' },
  })
  t.teardown(() => terminal.close())
  const seen = { text: '' }
  terminal.onData(data => {
    seen.text += data
  })
  terminal.write(`source ${place.script}\nflotilla import man\t`)
  t.true(await eventually('the name of the file', () => seen.text.includes('import manifest.yaml')))
  terminal.write('\u0015flotilla get pods system:l\t')
  t.true(await eventually('the rest of the name', () => seen.text.includes('get pods system:live')))
})

test('what a cluster answers is never run by a shell', async t => {
  for (const shell of Object.keys(renderers) as Shell[]) {
    const place = await install(t, shell, sample)
    if (!place) continue
    const answers = await ask[shell](place, ['flotilla logs evil'])
    t.false(existsSync(join(place.folder, 'pwned')), shell)
    t.true((answers['flotilla logs evil']?.length ?? 0) <= 1)
  }
})

test('shellcheck has nothing to say about the completion for bash', async t => {
  const place = await install(t, 'bash', whole)
  if (!place) return
  await t.notThrowsAsync(
    execute('shellcheck', ['-s', 'bash', place.script]).catch(error => Promise.reject(error.stdout)),
  )
})

interface Place {
  folder: string
  script: string
  env: NodeJS.ProcessEnv
}

/** A folder with the script, and with a program that answers as a cluster would. */
async function install(t: ExecutionContext, shell: Shell, program: Command): Promise<Place | undefined> {
  if (!['/bin', '/usr/bin'].some(place => existsSync(join(place, shell)))) {
    if (process.env['CI']) t.fail(`${shell} is missing`)
    else t.pass(`${shell} is missing`)
    return undefined
  }
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-shell-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'bin'))
  const answer = `#!/bin/sh
for last; do :; done
case "$last" in
  evil*) echo 'evil$(touch ${folder}/pwned)\`touch ${folder}/pwned\`' ;;
  system:*) echo system:live ;;
  pods/*) echo pods/live ;;
  *) echo "live-$2" ;;
esac
`
  await writeFile(join(folder, 'bin/flotilla'), answer)
  await chmod(join(folder, 'bin/flotilla'), 0o755)
  const script = join(folder, shell === 'zsh' ? '_flotilla' : `flotilla.${shell}`)
  await writeFile(script, renderers[shell](listPlaces(program), kinds))
  const env = { PATH: `${folder}/bin:${process.env['PATH']}`, HOME: folder, TERM: 'dumb', LC_ALL: 'C.UTF-8' }
  return { folder, script, env }
}

type Ask = (place: Place, lines: string[]) => Promise<Record<string, string[]>>

const ask: Record<Shell, Ask> = { bash: askBash, zsh: askZsh, fish: askFish }

/** As readline calls it: the words of the line, cut at COMP_WORDBREAKS. */
async function askBash({ folder, script, env }: Place, asked: string[]): Promise<Record<string, string[]>> {
  const calls = asked.map(line => {
    const words = line.split(/(?<==)|(?==)| /).map(word => `'${word}'`)
    return `COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; COMPREPLY=(); _flotilla; printf '%s\\t' "\${COMPREPLY[@]}"; echo`
  })
  const { stdout } = await execute('bash', ['--norc', '-c', `source ${script}\n${calls.join('\n')}`], {
    cwd: folder,
    env,
  })
  const rows = stdout.split('\n')
  return Object.fromEntries(asked.map((line, at) => [line, rows[at]!.split('\t').filter(Boolean)]))
}

async function askFish({ folder, script, env }: Place, asked: string[]): Promise<Record<string, string[]>> {
  const calls = asked.map(line => `complete -C'${line}'; echo ----`)
  const { stdout } = await execute('fish', ['--no-config', '-c', `source ${script}\n${calls.join('\n')}`], {
    cwd: folder,
    env,
  })
  const blocks = stdout.split('----\n')
  return Object.fromEntries(
    asked.map((line, at) => [
      line,
      blocks[at]!.split('\n')
        .filter(Boolean)
        .map(row => row.split('\t')[0]!),
    ]),
  )
}

/** zsh completes only in its line editor: one in a terminal of its own, where `compadd` writes down what it is given. */
async function askZsh({ folder, env }: Place, asked: string[]): Promise<Record<string, string[]>> {
  const report = join(folder, 'report')
  await writeFile(join(folder, 'setup'), zshSetup(folder, report))
  const terminal = openPty(['zsh', '-f', '-i'], { cwd: folder, env })
  const answers: Record<string, string[]> = {}
  try {
    terminal.write(`source ${folder}/setup\n`)
    await eventually('zsh is ready', () => existsSync(`${report}.ready`))
    for (const line of asked) {
      await rm(`${report}.done`, { force: true })
      terminal.write(`\u0015${line}\t`)
      await eventually(`zsh answers ${line}`, () => existsSync(`${report}.done`))
      const { stdout } = await execute('sort', ['-u', report])
      answers[line] = stdout.split('\n').filter(Boolean)
    }
  } finally {
    terminal.close()
  }
  return answers
}

/** `compadd -O` says which of the words fit what was typed; the real one is not called, so that the line stays. */
function zshSetup(folder: string, report: string): string {
  return `fpath=(${folder} $fpath); autoload -Uz compinit; compinit -u -d ${folder}/dump; PS1='> '
compadd() {
  if [[ \${@[(I)-[OAD]]} -gt 0 ]]; then builtin compadd "$@"; return; fi
  local -a fitting; builtin compadd -O fitting "$@"
  (( $#fitting )) && print -rl -- $fitting >>${report}
  (( $#fitting ))
}
collect() { : >${report}; zle complete-word-real; : >${report}.done }
zle -C complete-word-real complete-word _main_complete
zle -N collect; bindkey '^I' collect
: >${report}.ready
`
}
