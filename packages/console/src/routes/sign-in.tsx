import { getRouteApi, useRouter } from '@tanstack/react-router';
import { SignIn } from '../features/shell/sign-in.tsx';

const route = getRouteApi('/sign-in');

/** `/sign-in?from=&refused=` */
export function SignInRoute() {
  const { from, refused = false } = route.useSearch();
  const router = useRouter();
  return <SignIn refused={refused} onDone={() => router.history.replace(from ?? '/')} />;
}
