import { toBinary, type DescFile, type DescService } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, type ConnectRouter } from '@connectrpc/connect';
import { ServerReflection, type ServerReflectionRequest } from '@reeve/contract/proto/grpc/reflection/v1/reflection';
import {
  ServerReflection as ServerReflectionAlpha,
  type ServerReflectionRequest as ServerReflectionRequestAlpha,
} from '@reeve/contract/proto/grpc/reflection/v1alpha/reflection';

type Answer =
  | { readonly case: 'fileDescriptorResponse'; readonly value: { fileDescriptorProto: Uint8Array<ArrayBuffer>[] } }
  | { readonly case: 'listServicesResponse'; readonly value: { service: { name: string }[] } }
  | { readonly case: 'allExtensionNumbersResponse'; readonly value: { baseTypeName: string } }
  | { readonly case: 'errorResponse'; readonly value: { errorCode: number; errorMessage: string } };

/** Tells clients such as grpcurl what could be called, by gRPC's own protocol; both of its versions are the same on the wire. */
export function reflectionOf(services: readonly DescService[]): (router: ConnectRouter) => void {
  const known = [...services, ServerReflection, ServerReflectionAlpha];
  const files = withImports(known.map(({ file }) => file));
  const symbols = new Map(files.flatMap((file) => symbolsOf(file).map((symbol) => [symbol, file] as const)));
  const answer = ({ messageRequest }: Pick<Asked, 'messageRequest'>): Answer => {
    switch (messageRequest.case) {
      case 'listServices':
        return {
          case: 'listServicesResponse',
          value: {
            service: known.map(({ typeName }) => ({ name: typeName })).sort((a, b) => (a.name < b.name ? -1 : 1)),
          },
        };
      case 'fileByFilename':
        return filesOf(files.find(({ proto }) => proto.name === messageRequest.value));
      case 'fileContainingSymbol':
        return filesOf(symbols.get(messageRequest.value.replace(/^\./, '')));
      case 'allExtensionNumbersOfType':
        if (symbols.has(messageRequest.value))
          return { case: 'allExtensionNumbersResponse', value: { baseTypeName: messageRequest.value } };
        return refusal(Code.NotFound, 'there is no such type');
      case 'fileContainingExtension':
        return refusal(Code.NotFound, 'there are no extensions');
      case undefined:
        return refusal(Code.InvalidArgument, 'the request asks for nothing');
    }
  };
  const answerAll = async function* (requests: AsyncIterable<Asked>) {
    for await (const { host, messageRequest } of requests) {
      const originalRequest = { host, messageRequest: unbranded(messageRequest) };
      yield { validHost: host, originalRequest, messageResponse: answer({ messageRequest }) };
    }
  };
  return (router) =>
    router
      .service(ServerReflection, { serverReflectionInfo: answerAll })
      .service(ServerReflectionAlpha, { serverReflectionInfo: answerAll });
}

/** A request of either version. */
type Asked = Pick<ServerReflectionRequest | ServerReflectionRequestAlpha, 'host' | 'messageRequest'>;

/** What was asked, to be said again in either version. */
function unbranded(asked: Asked['messageRequest']) {
  if (asked.case !== 'fileContainingExtension') return asked;
  const { containingType, extensionNumber } = asked.value;
  return { case: asked.case, value: { containingType, extensionNumber } };
}

/** A file with all that it imports, the file itself first. */
function filesOf(file: DescFile | undefined): Answer {
  if (file === undefined) return refusal(Code.NotFound, 'there is no such file or symbol');
  const fileDescriptorProto = withImports([file]).map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
}

function refusal(errorCode: Code, errorMessage: string): Answer {
  return { case: 'errorResponse', value: { errorCode, errorMessage } };
}

function withImports(files: readonly DescFile[]): DescFile[] {
  const found = new Map<string, DescFile>();
  const add = (file: DescFile): void => {
    if (found.has(file.proto.name)) return;
    found.set(file.proto.name, file);
    file.dependencies.forEach(add);
  };
  files.forEach(add);
  return [...found.values()];
}

/** The full names of what a file declares, methods and fields included. */
function symbolsOf(file: DescFile): string[] {
  const messages = file.messages.flatMap(function all(message): (typeof file.messages)[number][] {
    return [message, ...message.nestedMessages.flatMap(all)];
  });
  const enums = [...file.enums, ...messages.flatMap(({ nestedEnums }) => nestedEnums)];
  return [
    ...file.services.flatMap(({ typeName, methods }) => [
      typeName,
      ...methods.map(({ name }) => `${typeName}.${name}`),
    ]),
    ...messages.flatMap(({ typeName, fields }) => [typeName, ...fields.map(({ name }) => `${typeName}.${name}`)]),
    ...enums.map(({ typeName }) => typeName),
  ];
}
