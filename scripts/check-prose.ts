// Keeps prose from being protocol: product code switches on a field (`phase`, `reason`, `access`), never on the wording
// of an event or an error. Run by `npm run check`; prints one line a breach and exits with 1.
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { SyntaxKind, type Node, type SourceFile } from 'typescript/unstable/ast';
import * as is from 'typescript/unstable/ast/is';
import { API, type Checker } from 'typescript/unstable/sync';
import { exceptions, type Exception } from './prose-exceptions.ts';

/** Fields that hold a sentence for people. */
const PROSE = new Set(['message', 'error_message', 'rawMessage']);

/** Methods of a text that read its wording, and those that only hand on a part of it. */
const READING = new Set([
  'startsWith',
  'endsWith',
  'includes',
  'indexOf',
  'lastIndexOf',
  'match',
  'matchAll',
  'search',
  'replace',
  'replaceAll',
  'split',
]);
const HANDING_ON = new Set(['slice', 'substring', 'trim', 'trimEnd', 'trimStart', 'toLowerCase', 'toUpperCase', 'at']);

/** Methods that look prose up: of a pattern, or of a collection of wordings. */
const LOOKING_UP = new Set(['test', 'exec', 'has', 'get', 'includes', 'indexOf']);

if (process.argv[1] === import.meta.filename) {
  const breaches = checkProse(process.argv[2] ?? join(import.meta.dirname, '..'), exceptions);
  for (const breach of breaches) console.error(breach);
  process.exitCode = breaches.length > 0 ? 1 : 0;
}

/**
 * Every place of the product's code at `root` that reads prose, as `file:line what is wrong`, and every exception that
 * excuses none. Layout, such as joining lines, is no reading. Follows prose through variables and into parameters.
 */
export function checkProse(root: string, allowed: readonly Exception[]): string[] {
  const config = join(root, 'tsconfig.json');
  if (!existsSync(config)) throw new Error(`${config} is missing`);
  const api = new API({ cwd: root });
  try {
    const snapshot = api.updateSnapshot({ openProjects: [config] });
    const project = snapshot.getProject(config);
    if (project === undefined) throw new Error(`${config} describes no project`);
    const files = project.program
      .getSourceFileNames()
      .filter((name) => isProduct(relative(root, name).replaceAll('\\', '/')))
      .sort()
      .flatMap((name) => project.program.getSourceFile(name) ?? []);
    const isProse = followProse(files, project.checker);
    const used = new Set<Exception>();
    const breaches = files.flatMap((file) => {
      const path = relative(root, file.fileName).replaceAll('\\', '/');
      return readingsOf(file, isProse).flatMap((node) => {
        const code = node.getText(file).replace(/\s+/g, ' ');
        const exception = allowed.find((one) => one.path === path && code.includes(one.code));
        if (exception !== undefined) used.add(exception);
        const line = file.text.slice(0, node.getStart(file)).split('\n').length;
        return exception === undefined ? [`${path}:${line} reads prose, give it a field: ${code.slice(0, 120)}`] : [];
      });
    });
    const idle = allowed.filter((one) => !used.has(one));
    return [
      ...breaches,
      ...idle.map(({ path, code }) => `${path}:1 has an exception for what it does not do: ${code}`),
    ];
  } finally {
    api.close();
  }
}

function isProduct(path: string): boolean {
  return /^packages\/(?!testing\/)[^/]+\/src\/.*\.tsx?$/.test(path) && !/\.test\.tsx?$|\/proto\//.test(path);
}

/** Tells whether an expression is prose: a field that holds it, or a variable or parameter that was given it. */
function followProse(files: readonly SourceFile[], checker: Checker): (node: Node) => boolean {
  const known = new Set<number>();
  const idOf = (node: Node) => checker.getSymbolAtLocation(node)?.id;
  const isText = (node: Node) => {
    const type = checker.getTypeAtLocation(node);
    return type !== undefined && /\bstring\b/.test(checker.typeToString(type));
  };
  const isProse = (node: Node): boolean => {
    if (is.isIdentifier(node)) return known.size > 0 && names.has(node.text) && known.has(idOf(node) ?? -1);
    if (is.isPropertyAccessExpression(node)) return PROSE.has(node.name.text) && isText(node);
    if (is.isElementAccessExpression(node))
      return is.isStringLiteral(node.argumentExpression) && PROSE.has(node.argumentExpression.text);
    if (is.isParenthesizedExpression(node) || is.isAsExpression(node) || is.isNonNullExpression(node))
      return isProse(node.expression);
    if (is.isConditionalExpression(node)) return isProse(node.whenTrue) || isProse(node.whenFalse);
    if (is.isBinaryExpression(node)) return isChoice(node) && (isProse(node.left) || isProse(node.right));
    if (!is.isCallExpression(node)) return false;
    const { expression: callee, arguments: given } = node;
    if (is.isPropertyAccessExpression(callee)) return HANDING_ON.has(callee.name.text) && isProse(callee.expression);
    const [first] = given;
    return (
      is.isIdentifier(callee) && callee.text === 'String' && first !== undefined && (isProse(first) || isError(first))
    );
  };
  const names = new Set<string>();
  const learn = (name: Node): boolean => {
    if (!is.isIdentifier(name)) return false;
    const id = idOf(name);
    if (id === undefined || known.has(id)) return false;
    known.add(id);
    names.add(name.text);
    return true;
  };
  const parameters = parametersByFunction(files);
  let isNew = true;
  const visit = (node: Node): void => {
    // A hole in an array pattern has no name.
    if (is.isBindingElement(node) && node.name !== undefined) {
      const field = node.propertyName ?? node.name;
      if (
        field !== undefined &&
        is.isIdentifier(field) &&
        PROSE.has(field.text) &&
        isText(node.name) &&
        learn(node.name)
      )
        isNew = true;
    } else if (is.isVariableDeclaration(node) && node.initializer !== undefined) {
      if (isProse(node.initializer) && learn(node.name)) isNew = true;
    } else if (is.isCallExpression(node) && is.isIdentifier(node.expression)) {
      const taken = parameters.get(node.expression.text);
      if (taken !== undefined)
        node.arguments.forEach((argument, index) => {
          const parameter = taken[index];
          if (parameter !== undefined && isProse(argument) && learn(parameter)) isNew = true;
        });
    }
    node.forEachChild(visit);
  };
  while (isNew) {
    isNew = false;
    for (const file of files) visit(file);
  }
  return isProse;
}

/** What is caught or thrown, by the names that it has here. */
function isError(node: Node): boolean {
  return is.isIdentifier(node) && /^(error|thrown|cause|reason|err)$/.test(node.text);
}

function isChoice(node: { readonly operatorToken: Node }): boolean {
  return (
    node.operatorToken.kind === SyntaxKind.QuestionQuestionToken || node.operatorToken.kind === SyntaxKind.BarBarToken
  );
}

/** The names of the parameters of each function that is declared once by its name. */
function parametersByFunction(files: readonly SourceFile[]): Map<string, readonly Node[]> {
  const found = new Map<string, readonly Node[]>();
  const twice = new Set<string>();
  const visit = (node: Node): void => {
    if (is.isFunctionDeclaration(node) && node.name !== undefined) {
      const { text } = node.name;
      if (found.has(text)) twice.add(text);
      found.set(
        text,
        node.parameters.map(({ name }) => name),
      );
    }
    node.forEachChild(visit);
  };
  for (const file of files) visit(file);
  for (const name of twice) found.delete(name);
  return found;
}

/** The expressions of a file that read prose. */
function readingsOf(file: SourceFile, isProse: (node: Node) => boolean): Node[] {
  const found: Node[] = [];
  const visit = (node: Node): void => {
    if (isReading(node, isProse)) found.push(node);
    node.forEachChild(visit);
  };
  visit(file);
  return found;
}

function isReading(node: Node, isProse: (node: Node) => boolean): boolean {
  if (is.isBinaryExpression(node)) {
    const { left, right } = node;
    return (
      isComparison(node.operatorToken) && ((isProse(left) && isWording(right)) || (isProse(right) && isWording(left)))
    );
  }
  if (is.isSwitchStatement(node)) return isProse(node.expression);
  if (!is.isCallExpression(node) || !is.isPropertyAccessExpression(node.expression)) return false;
  const { expression: whose, name } = node.expression;
  const [first] = node.arguments;
  if (first === undefined) return false;
  if (READING.has(name.text) && isProse(whose)) return !isLayout(first);
  return LOOKING_UP.has(name.text) && isProse(first) && !isLayout(whose);
}

function isComparison({ kind }: Node): boolean {
  return kind === SyntaxKind.EqualsEqualsEqualsToken || kind === SyntaxKind.ExclamationEqualsEqualsToken;
}

/** Whether something compared with prose is a wording: no absence of one, and not the empty text. */
function isWording(node: Node): boolean {
  if (is.isStringLiteral(node) || is.isNoSubstitutionTemplateLiteral(node)) return node.text !== '';
  return is.isIdentifier(node) && node.text !== 'undefined' && /^[A-Z][A-Z_]+$/.test(node.text);
}

/** White space and control characters: how a text is laid out, not what it says. */
function isLayout(node: Node): boolean {
  if (is.isStringLiteral(node)) return node.text.trim() === '' || node.text === '\0';
  if (!is.isRegularExpressionLiteral(node)) return false;
  return /^\/(?:\\[snrtv]|\[?(?:\\[snrtv])+\]?|[+*^$()|?]|\\p\{Cc\})+\/[a-z]*$/.test(node.text);
}
